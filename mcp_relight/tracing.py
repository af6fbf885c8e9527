"""Traces for operators, over OpenTelemetry. Nothing is loaded or noted before `enable`.

The MCP SDK traces requests by itself; steps of jobs and requests to providers are traced here. A
job carries the trace of the call that made it, so that what a worker does belongs to it. Attributes
are words of ours: no argument, no address, no words of an error ever become one. The extra `team`
brings the library.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mcp_relight import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Note = Callable[[str, str | int], object]
"""Takes the name and the value of one more attribute."""

_tracer: Any = None
_off: AbstractContextManager[Note] = nullcontext(lambda name, value: None)


def is_installed() -> bool:
    return find_spec("opentelemetry.exporter") is not None


def enable(address: str) -> None:
    """Send what is traced from now on to this address, by OTLP over HTTP. Needs the library."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    export_to(OTLPSpanExporter(endpoint=address))


def export_to(exporter: "SpanExporter") -> None:
    global _tracer
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {"service.name": "mcp-relight", "service.version": __version__}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(_wordless(exporter)))
    trace.set_tracer_provider(provider)  # that of the MCP SDK too
    _tracer = provider.get_tracer("mcp-relight")


def span(
    name: str, *, within: str | None = None, leaves: bool = False, **attributes: str | int
) -> AbstractContextManager[Note]:
    """One piece of work. `within` is the `traceparent` of what asked for it in another process;
    `leaves` says that it is a request to somebody else."""
    if _tracer is None:
        return _off
    return _span(name, within, leaves, {name: value for name, value in attributes.items() if value})


def current() -> str | None:
    """The `traceparent` of the work under way; None outside of any, or where nothing is traced."""
    if _tracer is None:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(within: str | None) -> Generator[None]:
    """What is done within belongs to that `traceparent`; to none where it is no good one."""
    if _tracer is None or within is None:
        yield
        return
    from opentelemetry import context

    token = context.attach(_context_of(within))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def _span(
    name: str, within: str | None, leaves: bool, attributes: dict[str, str | int]
) -> Generator[Note]:
    from opentelemetry.trace import SpanKind, StatusCode

    with _tracer.start_as_current_span(
        name,
        context=None if within is None else _context_of(within),
        kind=SpanKind.CLIENT if leaves else SpanKind.INTERNAL,
        attributes={_dotted(name): value for name, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as under_way:
        try:
            yield lambda name, value: under_way.set_attribute(_dotted(name), value)
        except Exception as error:
            under_way.set_attribute("error.type", getattr(error, "code", type(error).__name__))
            under_way.set_status(StatusCode.ERROR)
            raise


def _dotted(name: str) -> str:
    """`http_status` as OpenTelemetry spells names."""
    return name.replace("_", ".", 1)


def _context_of(traceparent: str) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})


def _wordless(exporter: "SpanExporter") -> "SpanExporter":
    """Passes spans on without the words of errors, which the SDK notes and which may quote."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Status

    def without_words(told: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=told.name,
            context=told.context,
            parent=told.parent,
            resource=told.resource,
            attributes=told.attributes,
            links=told.links,
            kind=told.kind,
            status=Status(told.status.status_code),
            start_time=told.start_time,
            end_time=told.end_time,
            instrumentation_scope=told.instrumentation_scope,
        )

    class Wordless(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([without_words(told) for told in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Wordless()
