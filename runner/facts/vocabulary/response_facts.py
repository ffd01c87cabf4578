"""Facts about the response itself: who and what was mobilised in the first hours. Roles name the persons, not facts."""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import Branch, instant, one_of, place, prose, text, texts, yes_no

MOBILISED: Mapping[str, Branch] = {
    "command_at": instant("When the incident commander took command"),
    "scribe": yes_no("Is a scribe assigned?"),
    "deputy": yes_no("Is a deputy commander assigned, in another building and with another carrier?"),
    "channel": text("Out-of-band channel of the responders"),
    "channel_answered": yes_no("Did everybody who was alerted answer on the out-of-band channel?"),
    "staff_told_at": instant("When staff were told what to do"),
    "counsel_at": instant("When counsel opened the matter"),
    "forensics_engaged_by": one_of("Who engages the forensic firm", "counsel organisation insurer nobody"),
    "insured": yes_no("Does an insurance policy cover this incident?"),
    "insurer_called_at": instant("When the insurer was called"),
    "insurer_claim": text("Claim number of the insurer"),
}
LAW_ENFORCEMENT: Mapping[str, Branch] = {
    "engaged": yes_no("Are the police involved?"),
    "reference": text("Reference number of the police or of another law enforcement agency"),
    "not_engaged_because": prose("Why law enforcement is not called"),
    "delay_asked": yes_no("Did a law enforcement agency ask to delay a notice?"),
    "hold": {
        "agency": text("Agency that asked to delay a notice"),
        "officer": text("Officer who asked"),
        "authority": one_of("Kind of authority that asked", "local state federal attorney_general regulator"),
        "country": place("Country of the authority that asked; laws of other countries ignore the request"),
        "only_for": texts("Laws or duties (ids) to which the delay is limited; empty means all"),
        "form": one_of("Form of the request", "written oral"),
        "from": instant("Delayed from", ahead=True),
        "until": instant("Delayed until", ahead=True),
    },
    "attorney_general_delay": yes_no(
        "Has the US Attorney General found in writing that disclosure endangers national security or public safety?"
    ),
}
