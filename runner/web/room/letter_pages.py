"""The pages of letters and campaigns: notices to many people, without names on the pages of counts."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import structs

from runner.acts.asked import Asked, File
from runner.errors import NotFound, TocsinError
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, Cell, Page, flow, line
from runner.web.room.pages import Shown, statuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.incident.campaigns.campaign import Campaign, Ground

NOBODY_SENDS = "No process sends it now. Continue sending on the page of the campaign."
READ_A_SAMPLE = "counsel reads the sample on the page of these letters, then approves"


def letters(asked: Asked) -> Shown:
    """Show the campaigns and the runs of letters to affected people as counts: no person is named."""
    from runner.app.campaigns.control import status
    from runner.app.campaigns.letter_archive import archives
    from runner.app.campaigns.record import newest
    from runner.app.campaigns.send import is_sending
    from runner.app.notices.letter_approval import runs
    from runner.reports.campaigns.campaigns import status_page
    from runner.reports.notices.letters import run_blocks

    service, incident = asked.service, asked.incident
    planned = newest(service, incident)
    duties = statuses(asked) if planned else ()
    campaigns = [status(service, incident, found, duties=duties) for found in planned]
    kept, made = archives(service, incident), list(runs(service, incident))
    opens = asked.reader.may("campaign.manage", incident)
    blocks: list[Block] = [line("LETTERS AND CAMPAIGNS", "title")]
    for one in campaigns:
        blocks += status_page(one, asked.now).blocks
        if one.state == "sending" and not is_sending(service, one.campaign):
            blocks.append(line(NOBODY_SENDS, "alarm"))
        if opens:
            blocks.append(flow(Cell("Open the campaign", about=f"campaign/{one.campaign}")))
    here = {one.evidence: one for one in reversed(kept) if one.evidence}
    for name, run in made:
        found = here.get(name)
        blocks += run_blocks(name, run, incident.letters, READ_A_SAMPLE if found is not None else "")
        if opens and found is not None:
            blocks.append(flow(Cell("Open the letters", about=f"run/{found.id}")))
    for draft in (one for one in kept if opens and not one.evidence):
        blocks.append(line(f"Drafts of {draft.request.notice} for {draft.list_name}", "title"))
        blocks.append(flow(Cell("Open the drafts", about=f"run/{draft.id}")))
    if not campaigns and not made and not kept:
        blocks.append(line("Nothing is planned or made", "warn"))
    return Shown((campaigns, made), Page(tuple(blocks)))


def campaign(asked: Asked) -> Shown:
    """Show one campaign: counts, texts with their approvals, pace, and what blocks sending now."""
    from runner.app.campaigns.control import status
    from runner.app.campaigns.record import by_id
    from runner.app.campaigns.send import is_sending
    from runner.reports.campaigns.campaigns import plan_blocks, status_page
    from runner.reports.notices.awaited import awaited, awaited_blocks
    from runner.reports.notices.notices import notice_rows

    service, incident = asked.service, asked.incident
    found = by_id(service, incident, asked.ref)
    report = status(service, incident, found, duties=statuses(asked))
    first, *rest = status_page(report, asked.now).blocks
    blocks: list[Block] = [first]
    if found.state == "sending":
        sends = is_sending(service, found.campaign.id)
        blocks.append(
            line("A process sends it now." if sends else NOBODY_SENDS, "good" if sends else "alarm")
        )
    done = found.state == "done"
    grounds, why, against = asked.shared(
        ("campaign", incident.id, found.campaign.id, done), lambda: _sendable(asked, found.campaign, done)
    )
    if why:
        blocks.append(line(f"Sending is blocked: {why}", "alarm"))
    blocks += (line(sentence, "alarm") for sentence in against)
    texts = {(one.group.duty, one.group.notice) for one in grounds}
    rows = [row for row in notice_rows(incident) if row.current and (row.duty, row.notice) in texts]
    steps = {(row.duty, row.notice): row.approve_step for row in rows if row.approve_step}
    blocks += awaited_blocks(awaited(incident, service.library(incident), [row.step for row in rows]))
    blocks += (*rest, *plan_blocks(structs.replace(found.campaign, grounds=grounds), steps))
    blocks += (
        line("SAMPLES", "title"),
        flow(Cell("Read messages of each place, as people get them", about=f"samples/{asked.ref}")),
    )
    lists = (
        ("the people who need a letter or have no usable contact (CSV)", f"{asked.ref}/open"),
        ("the people whose letter came back (CSV)", f"{asked.ref}/returned"),
    )
    return Shown(report, Page(tuple(blocks)), downloads=lists)


def _sendable(asked: Asked, found: Campaign, done: bool) -> tuple[Sequence[Ground], str, tuple[str, ...]]:
    """Return the texts of a campaign as they are now; unless it is ``done``, why nothing may be sent, and what contradicts it."""
    from runner.app.campaigns.doubts import doubts
    from runner.app.campaigns.send import check, texts_of

    service, incident = asked.service, asked.incident
    texts, why, grounds = None, "", found.grounds
    with suppress(TocsinError):  # ``check`` raises it again, unless something else blocks sending first
        fresh = texts_of(service, incident, found, statuses(asked))
        letters = zip(found.grounds, fresh.again(found), strict=True)
        grounds = tuple(
            structs.replace(new, group=structs.replace(new.group, letters=old.group.letters))
            for old, new in letters
        )
        texts = fresh
    if done:
        return grounds, "", ()
    try:
        check(service, incident, found, texts)
    except TocsinError as error:
        why = error.message
    return grounds, why, doubts(service, incident, found, texts).words if texts is not None else ()


def samples(asked: Asked) -> Shown:
    """Show messages to some people of each place, as these people get them."""
    from runner.app.campaigns.record import by_id
    from runner.app.campaigns.samples import samples as sampled

    found = by_id(asked.service, asked.incident, asked.ref)
    read = list(sampled(asked.service, asked.incident, found.campaign, statuses(asked)))
    places = sorted({ground.place for ground in found.campaign.grounds} - {one.place for one in read})
    letter = "Its pages are made under Make letters, on the page of letters."
    text = "\n\n".join(
        f"{'=' * 20} {one.place}, {one.way}, to {' / '.join(one.to.splitlines())}\n"
        + (f"{letter}\n" if one.way == "post" else f"Subject: {one.subject}\n" if one.subject else "")
        + f"\n{one.text}"
        for one in read
    )
    blocks = (
        line(f"SAMPLES OF {found.campaign.notice}", "title"),
        line(
            f"{count(len(read), 'message')}. Each is the text that this person gets, from the present facts."
        ),
        *((line(f"No sample: {', '.join(places)}", "warn"),) if places else ()),
        line("SENT FROM", "title"),
        flow(Cell("The campaign, with approval and sending", about=f"campaign/{asked.ref}")),
    )
    return Shown(read, Page(blocks), text, "sentfrom")


def campaign_file(asked: Asked) -> File:
    """Return the people who need a letter, or whose letter came back, as the command line writes them."""
    from runner.app.campaigns.control import open_list
    from runner.app.campaigns.record import by_id
    from runner.effects.notices.letters import as_table

    name, _, which = asked.ref.rpartition("/")
    if which not in ("open", "returned"):
        raise NotFound(f'The campaign has no list "{asked.ref}".', code="unknown_list")
    found = by_id(asked.service, asked.incident, name)
    rows = open_list(asked.service, found, returned=which == "returned")
    return File(f"{asked.incident.codename}-{which}.csv", as_table(rows).encode())


def run(asked: Asked) -> Shown:
    """Show one run of letters: a sample of each text, what only a person can verify, and the files."""
    from runner.app.campaigns.letter_archive import opened
    from runner.app.notices.letter_approval import unverified_items
    from runner.reports.notices.letters import run_blocks

    found = opened(asked.service, asked.incident, asked.ref)
    read, here = found.sample(), READ_A_SAMPLE if found.archive.evidence else "these are drafts"
    text = "\n\n".join(
        f"{'=' * 20} {' '.join(filter(None, one.group)) or 'everyone'}, letter {one.reference}\n\n{words}"
        for one, words in read
        if words
    )
    items = unverified_items(asked.incident, found.letters)
    blocks = (
        *run_blocks(found.archive.evidence, found.letters, asked.incident.letters, here),
        *(line(f"Item {n}, to verify: {item}", "warn", hang=2) for n, item in enumerate(items, 1)),
        line("EXACT FILES", "title"),
        line(f"Manifest sha256:{found.letters.manifest_sha256}", "dim"),
        line(f"Merkle root {found.letters.root}", "dim"),
    )
    files = tuple(
        (f"the sample {one.reference}{f' on page {one.first_page}' if not words else ''} (PDF)", one.file)
        for one, words in read
    )
    every = ("all letters with the table for the mail house (ZIP)", "letters.zip")
    downloads = tuple((words, f"{asked.ref}/{name}") for words, name in (*files, every))
    return Shown(found.letters, Page(blocks), text, "exactfiles", downloads=downloads)


def run_file(asked: Asked) -> File:
    """Return one file of a run of letters, or all."""
    from runner.app.campaigns.letter_archive import opened

    name, _, file = asked.ref.partition("/")
    found = opened(asked.service, asked.incident, name)
    body = found.content if file == "letters.zip" else found.read(file)
    return File(f"{asked.incident.codename}-{name}-{file.rpartition('/')[2]}", body)
