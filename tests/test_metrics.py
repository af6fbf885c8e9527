"""What operators count."""

import pytest

from mcp_relight import telemetry


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_meters", None)


def test_nothing_is_counted_before_it_is_wanted() -> None:
    telemetry.count_call("get_job", "ok", 0.1)
    assert telemetry._meters is None
    assert "get_job" not in telemetry.metrics_page()[0].decode()


def test_what_was_counted_is_shown_by_name() -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra team")
    assert telemetry.start_counting()
    telemetry.count_call("get_job", "job_not_found", 0.1)
    telemetry.count_move("queued", "local")
    telemetry.count_request("segmind", "POST", "200", 0.2)
    telemetry.count_reserved("segmind", 0.5)
    telemetry.show_queue({"queued": 3}, 1.5)
    telemetry.show_queue({"running": 2}, 0.0)
    body, kind = telemetry.metrics_page()
    told = body.decode()
    assert kind.startswith("text/plain")
    assert 'mcp_relight_call_seconds_count{outcome="job_not_found",tool="get_job"} 1.0' in told
    assert 'mcp_relight_job_moves_total{provider="local",stage="queued"} 1.0' in told
    assert 'mcp_relight_reserved_usd_total{provider="segmind"} 0.5' in told
    assert 'mcp_relight_open_jobs{stage="running"} 2.0' in told
    assert 'stage="queued"}' not in told.partition("mcp_relight_open_jobs")[2]


def test_without_the_library_there_is_a_page_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        return None

    monkeypatch.setattr(telemetry, "find_spec", nothing)
    assert not telemetry.start_counting()
    body, kind = telemetry.metrics_page()
    assert b"team" in body
    assert kind.startswith("text/plain")
