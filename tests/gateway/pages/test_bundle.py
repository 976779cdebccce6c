"""The files and the configuration of pages that Vite builds."""

import gzip
import json
from pathlib import Path

from gateway.pages.bundle import Asset, is_built, script_json


def test_a_file_is_compressed_only_if_that_makes_it_shorter(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("console.log('a');" * 100)
    (tmp_path / "a.woff2").write_bytes(bytes(range(256)))

    script, font = Asset.of(tmp_path / "a.js"), Asset.of(tmp_path / "a.woff2")

    assert script.compressed
    assert gzip.decompress(script.compressed) == script.content
    assert font.compressed is None
    assert (script.media_type, font.media_type) == ("text/javascript", "font/woff2")


def test_no_value_of_the_configuration_ends_its_element() -> None:
    hostile = {"token": "</script><script>alert(1)</script>"}

    assert "<" not in script_json(hostile)
    assert json.loads(script_json(hostile)) == hostile


def test_a_bundle_is_built_if_it_has_a_page(tmp_path: Path) -> None:
    assert not is_built(tmp_path)
    (tmp_path / "index.html").touch()
    assert is_built(tmp_path)
