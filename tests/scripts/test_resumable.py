"""Simulations in parts: what is there is not done again, whatever the last run was stopped at."""

from __future__ import annotations

from pathlib import Path

from resumable import code, in_parts


def squared(key: str) -> dict[str, int]:
    if key == "never":
        raise ValueError("this was done before")
    return {"square": int(key) ** 2}


def test_parts_come_in_order_and_are_not_done_twice(tmp_path: Path) -> None:
    assert list(in_parts("s", ["3", "1", "2"], squared, tmp_path, 2)) == ["3", "1", "2"]
    (store,) = tmp_path.iterdir()
    assert store.name == f"s-{code()}.jsonl"
    with store.open("a") as file:
        file.write('["never", {"square": 0}]\n["4", {"squ')
    found = in_parts("s", ["never", "4", "1"], squared, tmp_path, 1)
    assert found == {"never": {"square": 0}, "4": {"square": 16}, "1": {"square": 1}}
    assert len(store.read_text().splitlines()) == 5
