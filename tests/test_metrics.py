"""What operators count."""

import pytest

from mcp_relight import metrics


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_meters", None)


def test_nothing_is_counted_before_it_is_wanted() -> None:
    metrics.count_call("get_job", "ok", 0.1)
    assert not metrics.is_enabled()
    assert "get_job" not in metrics.render()[0].decode()


def test_what_was_counted_is_shown_by_name() -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra team")
    assert metrics.enable()
    metrics.count_call("get_job", "job_not_found", 0.1)
    metrics.count_move("queued", "local")
    metrics.count_request("segmind", "POST", "200", 0.2)
    metrics.count_reserved("segmind", 0.5)
    metrics.show_queue({"queued": 3}, 1.5)
    metrics.show_queue({"running": 2}, 0.0)
    body, kind = metrics.render()
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

    monkeypatch.setattr(metrics, "find_spec", nothing)
    assert not metrics.enable()
    body, kind = metrics.render()
    assert b"team" in body
    assert kind.startswith("text/plain")
