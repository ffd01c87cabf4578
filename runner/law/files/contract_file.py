"""Reader of a contract (``schema: tocsin/contract/v1``): a filled contract is a regime, so the engine of the law judges it.

A template of Tocsin has the word ``FILL`` wherever the contract decides. A file with that word outside of comments is
not filled and makes no duty. The duties are written as in a law file, with the same clocks and conditions.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec

from runner.errors import Problem
from runner.law.files.regime_file import SCHEMA as REGIME
from runner.law.files.regime_file import regime_of
from runner.law.files.regime_grounds import Terms
from runner.law.files.regime_reader import Node, Reader, invalid
from runner.law.regime import Authority, Regime, Remark
from runner.law.relevance import CONTRACT
from runner.yamlfile.positions import problem_at
from runner.yamlfile.source import scan

SCHEMA: Final = "tocsin/contract/v1"
_KEPT: Final = (
    "name",
    "source",
    "confidence",
    "confidence_note",
    "scope",
    "duties",
    "in_force",
    "conditions",
)
_OWN: Final = ("schema", "about", "party", "clause", "contact", "confidentiality", "consequence")
_CONTACT: Final = ("role", "phone", "email", "address", "hours", "zone", "form_url", "languages")
_UNFILLED: Final = re.compile(r"^[^#]*\bFILL\b")
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_SINCE: Final = {"from": "1900-01-01"}


def unfilled(data: bytes, file: str) -> tuple[Problem, ...]:
    """Return a warning for each line that is still to fill."""
    lines = enumerate(data.decode("utf-8", "replace").splitlines(), 1)
    open_ = [(number, line.partition("#")[0].strip()[:60]) for number, line in lines if _UNFILLED.match(line)]
    hint = "Write what the contract says, or delete the line if the contract says nothing."
    hints = (hint, *("" for _ in open_))
    return tuple(
        problem_at(file, number, "contract-not-filled", f'Not filled: "{line}"', said, severity="warning")
        for (number, line), said in zip(open_, hints, strict=False)
    )


def load_contract(data: bytes, file: str) -> Regime:
    """Return the contract as a regime, or raise ``Invalid`` with every problem of the file."""
    regime, problems = read_contract(data, file)
    if regime is None:
        raise invalid("Contract", file, problems, code="bad_contract")
    return regime


def read_contract(data: bytes, file: str) -> tuple[Regime | None, tuple[Problem, ...]]:
    """Return the contract as a regime, or None and every problem: first what is not filled, then what is wrong."""
    source, open_ = scan(data, file), unfilled(data, file)
    if source.problems or open_:
        return None, source.problems or open_
    reader = Reader(source)
    top = Node(source.data, ())
    fields = reader.fields(top, (*_KEPT, *_OWN))
    if reader.text(reader.need(fields, "schema", top)) != SCHEMA:
        reader.report(top, "regime-schema", "The file is not a contract.", f"Write schema: {SCHEMA}.")
    name = file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    if not _ID.fullmatch(name):
        hint = "Rename the file to lower-case words joined by hyphens, such as dpa-example.yaml."
        reader.report(top, "regime-name", f'The file name "{name}" is not an id.', hint)
    party, clause = (reader.text(reader.need(fields, key, top)) for key in ("party", "clause"))
    contact = reader.fields(reader.need(fields, "contact", top), _CONTACT) if "contact" in fields else {}
    made = {
        "schema": REGIME,
        "id": f"{CONTRACT}-{name}",
        "jurisdictions": [CONTRACT],
        "citation": f"{CONTRACT}, {clause}",
        "in_force": _SINCE,
        "source": {"url": "kept by the organisation"},
    }
    kept = {key: fields[key] for key in _KEPT if key in fields}
    laid = {key: Node(value, ()) for key, value in made.items()} | kept
    regime = regime_of(top, laid, reader, hashlib.sha256(data).hexdigest())
    unit = reader.text(contact.get("role"))
    known = {"id": "", "serves": (), "place": CONTRACT, "name": party, "short": party, "unit": unit}
    taker = Terms(reader, {}).struct(Authority, top, contact, **known)
    notes = (("confidentiality", "Confidentiality"), ("consequence", "If the deadline is missed"))
    said = ((title, reader.text(fields.get(key))) for key, title in notes)
    remarks = tuple(Remark(text=f"{title}: {text}") for title, text in said if text)
    if reader.problems:
        return None, reader.found
    duties = tuple(
        msgspec.structs.replace(
            rule,
            remarks=(*rule.remarks, *remarks),
            citation=f"{CONTRACT}, {rule.citation or clause}",
            confidence=regime.confidence,
            confidence_note=rule.confidence_note or regime.confidence_note,
        )
        for rule in regime.versions[0].duties
    )
    version = msgspec.structs.replace(regime.versions[0], duties=duties)
    return msgspec.structs.replace(regime, authorities=(taker,), versions=(version,)), ()
