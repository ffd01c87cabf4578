"""Commands ``audit`` and ``verify``: check of the journals, and bundles that others verify without Tocsin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group, instant_of
from runner.cli.framework.session import Session
from runner.errors import Usage, no_file
from runner.reports.core.formatting import count, moment
from runner.reports.core.page import Block, Cell, Tone, line, paged, table

if TYPE_CHECKING:
    from runner.app.bundles.audiences import Part


def add(app: Commands) -> None:
    """Add ``audit …`` and ``verify``."""
    audit = group(app, "audit", "Verify and export the journal and the stored documents.")
    command(audit, "verify")(verify)
    command(audit, "export", Scope.WRITES)(export)
    command(audit, "exports")(exports)
    command(app, "verify")(verify_bundle)


def verify(
    session: Session,
    anchor: Annotated[
        str, Option("--anchor N:sha256:HASH", "Head of the journal from another source, as on a document.")
    ] = "",
    checkpoint: Annotated[
        str,
        Option("--checkpoint N:HASH", "Checkpoint of the log of heads: as in a footer, or a signed file."),
    ] = "",
) -> int:
    """Verify that every journal entry is present and unchanged.

    Compares documents and evidence with their digests, and keys and rows with the journals. Without --incident, verifies
    all journals of the home folder. Codes of heads and rows, and encrypted content, need the master key; the rest does not.
    The exit code is 1 if the verification fails.

    \b
    Examples:
      tocsin audit verify
      tocsin audit verify -i amber-falcon --anchor 41:sha256:9f2c…
    """
    from runner.app.home.verification import verification_page, verified
    from runner.cli.framework.progress_line import bars

    given = session.options.incident
    name = session.service.find(given) if given else None
    note = session.world.cwd / checkpoint
    if checkpoint and note.is_file():
        checkpoint = note.read_text("utf-8", errors="replace")
    with bars(session) as shown:
        report = verified(session.service, name, anchor, shown.begin, checkpoint)
    if session.service.checkpoints.is_memory_lost() and not session.service.read_only:
        memory = session.service.checkpoints.memory
        session.warn(
            "checkpoint_not_remembered", f"This user cannot remember checkpoints: {memory} cannot be written."
        )
    session.show(report, lambda: verification_page(report))
    return 0 if report.ok else 1


def export(
    session: Session,
    out: Annotated[Path, Option("--out FILE.zip", "New file for the bundle.")],
    audience: Annotated[
        str, Option("--for AUDIENCE", "counsel, court, regulator, insurer, board or public.")
    ] = "counsel",
    since: Annotated[str, Option("--since WHEN", "Give only entries recorded from this time.")] = "",
    parts: Annotated[
        str,
        Option(
            "--with PARTS",
            "documents, evidence, messages: with commas. Default: documents, if the audience receives them.",
        ),
    ] = "",
) -> None:
    """Export the record of an incident as a signed bundle for others.

    The audience decides what is withheld. Of a withheld entry, the signed record keeps the digest, or an envelope: time, type, person, system user
    and machine. The same scope and head give the same bytes, until a timestamp arrives. The export is recorded.
    Anybody can verify the bundle: see VERIFY.txt in it.

    \b
    Examples:
      tocsin audit export --out amber-falcon.zip
      tocsin audit export -i amber-falcon --for regulator --out regulator.zip
      tocsin audit export --for court --with documents,evidence,messages --out court.zip
    """
    from runner.app.bundles.audiences import PARTS, Audience
    from runner.app.bundles.export import export as write

    for_whom = Audience(audience)
    chosen = {part for part in parts.split(",") if part} or for_whom.default
    if unknown := chosen.difference(PARTS):
        raise Usage(
            f'Part "{min(unknown)}" is unknown.', hint=f"Use: {', '.join(PARTS)}", code="unknown_part"
        )
    incident = session.incident()
    begin = instant_of(session, since) if since else None
    file, asked = session.world.cwd / out, cast("set[Part]", chosen)
    made, scope, key, timestamp = write(session.service, incident, file, for_whom, asked, begin)
    answer = {"path": str(file), "sha256": made.sha256, "bytes": made.bytes, "key": key, "scope": scope}
    if timestamp == "none" and session.service.home.timestamps.url:
        session.warn("no_timestamp", "No timestamp yet: export again after a worker asked the authority.")
    session.show({"schema": "tocsin/bundle/v1", **answer}, lambda: _exported_page(answer))


@paged
def _exported_page(answer: dict[str, Any]) -> Iterator[Block]:
    scope = answer["scope"]
    levels, files = (
        scope["levels"],
        (count(scope["documents"], "document"), count(scope["evidence"], "evidence file")),
    )
    yield line(f"Bundle for {scope['audience']}: {answer['path']}", "good", hang=2)
    yield line(
        f"{count(levels['full'], 'entry', 'entries')} with content, {levels['envelope']} without content, "
        f"{levels['hash']} as a digest only; {', '.join(files)}",
        hang=2,
    )
    if number := scope["unreadable"]:
        yield line(f"{count(number, 'file')} could not be read: erased or damaged", "warn", hang=2)
    yield line(
        "Read the bundle before you hand it over: Tocsin does not redact inside an entry.", "warn", hang=2
    )
    yield line(f"SHA-256 {answer['sha256']}", hang=2)
    yield line(f"Signed with {answer['key']}", hang=2)
    yield line(
        "Give the recipient this fingerprint in another way. Check: tocsin verify FILE --key KEY", hang=2
    )


def exports(session: Session) -> None:
    """List the exported bundles, with audience and SHA-256."""
    from runner.app.bundles.export import exports as recorded

    found = recorded(session.service).made
    incident = session.service.find(session.options.incident) if session.options.incident else ""
    made = [one for one in found if incident in ("", one.bundle.incident)]
    names = {row.id: row.codename for row in session.service.incidents()}
    rows = [
        (
            moment(one.at),
            one.actor,
            names.get(one.bundle.incident, one.bundle.incident),
            f"for {one.bundle.audience}",
            Cell(one.bundle.sha256, "dim"),
        )
        for one in made
    ]

    @paged
    def page() -> Iterator[Block]:
        yield table(rows, 4, indent=0) if rows else line("No bundle was exported", "dim")

    session.show({"schema": "tocsin/exports/v1", "exports": made}, page)


def verify_bundle(
    session: Session,
    bundle: Annotated[str, Argument("BUNDLE", "ZIP file or unpacked folder of a bundle.")],
    key: Annotated[str, Option("--key KEY", "Fingerprint of the signer, from another source.")] = "",
    head: Annotated[
        str, Option("--head N:sha256:HASH", "Head of the record, from a message or a document.")
    ] = "",
) -> int:
    """Verify a bundle. Needs no home folder and no secret key.

    Checks every byte, the signatures, the hash chain and the withheld entries. The exit code is 1 if anything was changed, and 4
    without --key: then the signer is not confirmed. An older bundle also verifies: it does not have a newer --head.

    \b
    Examples:
      tocsin verify amber-falcon.zip --key sha256:4be1…
      tocsin verify evidence-i-zuysa3cj3q
    """
    from runner.files.verify import HEAD, code
    from runner.files.verify import verify as check

    path = session.world.cwd / Path(bundle).expanduser()
    if not path.exists():
        raise no_file(path)
    if key and not re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", key.strip().lower()):
        raise Usage(
            "--key is not a complete fingerprint.",
            hint="Give sha256: and 64 hexadecimal digits",
            code="bad_fingerprint",
        )
    if head and not HEAD.fullmatch(head):
        raise Usage(
            "--head is not a complete head.", hint="Give N:sha256:HASH, as in a message", code="bad_anchor"
        )
    found = check(str(path), key, head)
    session.show({"schema": "tocsin/bundle-check/v1", **found}, lambda: _bundle_page(found))
    return code(found)


@paged
def _bundle_page(found: dict[str, Any]) -> Iterator[Block]:
    from runner.files.verify import lines

    tone: Tone = "good" if found["ok"] else "alarm"
    for number, text in enumerate(lines(found)):
        unconfirmed = found["ok"] and text.startswith(("NOT CONFIRMED", "An older"))
        yield line(
            text, "warn" if unconfirmed else tone if number == 0 or not found["ok"] else "plain", hang=2
        )
