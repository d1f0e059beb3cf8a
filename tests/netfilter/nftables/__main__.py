"""Record what this kernel answers about the tables of the tests."""

from __future__ import annotations

import json

from tests.netfilter.nftables import test_misread, test_translate
from tests.netfilter.nftables.recording import FILE, record

texts = [*test_translate.TABLES.values(), *test_misread.TABLES]
FILE.write_text(json.dumps({text: record(text) for text in texts}, indent=0) + "\n")
