# Servers and workers of a team: see docs/deploy.md. The command says which of them a container is.
FROM python:3.11-slim AS build
COPY . /src
RUN python -m venv /opt/relight \
 && /opt/relight/bin/pip install --no-cache-dir --constraint /src/constraints.txt "/src[team]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data relight \
 && install -d -o relight -g relight -m 0700 /data
COPY --from=build /opt/relight /opt/relight
ENV PATH=/opt/relight/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    MCP_RELIGHT_DATA_DIR=/data \
    MCP_RELIGHT_OUTPUT_DIR=/data/results
USER relight
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["mcp-relight"]
CMD ["serve", "--http", "--host", "0.0.0.0", "--port", "8000"]
