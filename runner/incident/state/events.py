"""Events of an incident's journal, one past-tense type for each.

An event contains the resulting state, so that it needs no other event to be understood, and a later version of the engine
folds an old journal to the same incident. The types are in the modules of their capabilities, each with its union at
the end; ``runner.incident.apply`` has their changes. The time of an event is in its row, not in its payload.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from runner.base.actor import Event as Event
from runner.base.actor import Personal as Personal
from runner.base.actor import Stream as Stream
from runner.decoding import json_reader
from runner.facts.vocabulary.register import FactChange as FactChange
from runner.incident.state.campaigns import AnyCampaignEvent
from runner.incident.state.campaigns import CampaignMoved as CampaignMoved
from runner.incident.state.campaigns import CampaignPart as CampaignPart
from runner.incident.state.campaigns import CampaignPlanned as CampaignPlanned
from runner.incident.state.campaigns import CampaignResolved as CampaignResolved
from runner.incident.state.campaigns import CampaignStretch as CampaignStretch
from runner.incident.state.campaigns import SubstituteDue as SubstituteDue
from runner.incident.state.campaigns import SubstituteGiven as SubstituteGiven
from runner.incident.state.documents import DocumentRendered as DocumentRendered
from runner.incident.state.documents import LettersSigned as LettersSigned
from runner.incident.state.documents import NoticeAdopted as NoticeAdopted
from runner.incident.state.documents import NoticeEvent
from runner.incident.state.documents import NoticeKept as NoticeKept
from runner.incident.state.documents import NoticeOverridden as NoticeOverridden
from runner.incident.state.documents import NoticeTicked as NoticeTicked
from runner.incident.state.exercise import ExerciseEvent
from runner.incident.state.handover import BriefGiven as BriefGiven
from runner.incident.state.handover import CommandTaken as CommandTaken
from runner.incident.state.lifecycle import AccessSet as AccessSet
from runner.incident.state.lifecycle import IncidentCancelled as IncidentCancelled
from runner.incident.state.lifecycle import IncidentClosed as IncidentClosed
from runner.incident.state.lifecycle import IncidentOpened as IncidentOpened
from runner.incident.state.lifecycle import IncidentPaused as IncidentPaused
from runner.incident.state.lifecycle import IncidentReopened as IncidentReopened
from runner.incident.state.lifecycle import IncidentResumed as IncidentResumed
from runner.incident.state.lifecycle import LifecycleEvent
from runner.incident.state.lifecycle import PlaybookMigrated as PlaybookMigrated
from runner.incident.state.lifecycle import PlaybookPinned as PlaybookPinned
from runner.incident.state.lifecycle import SeveritySet as SeveritySet
from runner.incident.state.messages import REPEATED as REPEATED
from runner.incident.state.messages import AnnouncementDropped as AnnouncementDropped
from runner.incident.state.messages import AttemptEnded as AttemptEnded
from runner.incident.state.messages import AttemptResolved as AttemptResolved
from runner.incident.state.messages import AttemptStarted as AttemptStarted
from runner.incident.state.messages import CallOwed as CallOwed
from runner.incident.state.messages import ChannelsSwitched as ChannelsSwitched
from runner.incident.state.messages import DeliveriesReplanned as DeliveriesReplanned
from runner.incident.state.messages import DeliveryEnded as DeliveryEnded
from runner.incident.state.messages import DeliveryReminded as DeliveryReminded
from runner.incident.state.messages import DeliveryResent as DeliveryResent
from runner.incident.state.messages import DeliveryStuck as DeliveryStuck
from runner.incident.state.messages import EvidenceRaised as EvidenceRaised
from runner.incident.state.messages import LevelFired as LevelFired
from runner.incident.state.messages import MessageComposed as MessageComposed
from runner.incident.state.messages import MessageEvent
from runner.incident.state.messages import PlannedDelivery as PlannedDelivery
from runner.incident.state.messages import ReceiptTaken as ReceiptTaken
from runner.incident.state.messages import ReplanAsked as ReplanAsked
from runner.incident.state.messages import ReplanFailed as ReplanFailed
from runner.incident.state.messages import RuleOverridden as RuleOverridden
from runner.incident.state.record import ActedOnBehalf as ActedOnBehalf
from runner.incident.state.record import BehalfConfirmed as BehalfConfirmed
from runner.incident.state.record import CustodyAct as CustodyAct
from runner.incident.state.record import CustodyEvent as CustodyEvent
from runner.incident.state.record import DomainDeclared as DomainDeclared
from runner.incident.state.record import EventCorrected as EventCorrected
from runner.incident.state.record import EvidenceAttached as EvidenceAttached
from runner.incident.state.record import ExhibitDescribed as ExhibitDescribed
from runner.incident.state.record import ExhibitDiffered as ExhibitDiffered
from runner.incident.state.record import ExhibitHandedOver as ExhibitHandedOver
from runner.incident.state.record import ExhibitReceived as ExhibitReceived
from runner.incident.state.record import FactsRecorded as FactsRecorded
from runner.incident.state.record import NoteAdded as NoteAdded
from runner.incident.state.record import PrivilegedEventCorrected as PrivilegedEventCorrected
from runner.incident.state.record import PrivilegedNoteAdded as PrivilegedNoteAdded
from runner.incident.state.record import RecordEvent
from runner.incident.state.record import RoleAssigned as RoleAssigned
from runner.incident.state.second_person import SecondPersonAsked as SecondPersonAsked
from runner.incident.state.second_person import SecondPersonConfirmed as SecondPersonConfirmed
from runner.incident.state.steps import ActionFilled as ActionFilled
from runner.incident.state.steps import ApprovalGiven as ApprovalGiven
from runner.incident.state.steps import ApprovalVoided as ApprovalVoided
from runner.incident.state.steps import DeputiesNamed as DeputiesNamed
from runner.incident.state.steps import ReminderFailed as ReminderFailed
from runner.incident.state.steps import ScopeOpened as ScopeOpened
from runner.incident.state.steps import StepAssigned as StepAssigned
from runner.incident.state.steps import StepBlocked as StepBlocked
from runner.incident.state.steps import StepChecked as StepChecked
from runner.incident.state.steps import StepCommented as StepCommented
from runner.incident.state.steps import StepEnded as StepEnded
from runner.incident.state.steps import StepEvent
from runner.incident.state.steps import StepOverdue as StepOverdue
from runner.incident.state.steps import StepReady as StepReady
from runner.incident.state.steps import StepReminded as StepReminded
from runner.incident.state.steps import StepReopened as StepReopened
from runner.incident.state.steps import StepRescheduled as StepRescheduled
from runner.incident.state.steps import StepRetried as StepRetried
from runner.incident.state.steps import StepSettled as StepSettled
from runner.incident.state.steps import StepStarted as StepStarted
from runner.incident.state.steps import StepStuck as StepStuck
from runner.incident.state.steps import StepUnchecked as StepUnchecked
from runner.incident.state.steps import TaskAdded as TaskAdded
from runner.law.duty import DutiesAssessed as DutiesAssessed
from runner.law.duty import DutyChange as DutyChange
from runner.law.duty import DutyRecorded as DutyRecorded
from runner.routing.war_room import GuestsListed as GuestsListed
from runner.routing.war_room import RoomChosen as RoomChosen
from runner.routing.war_room import RoomRetried as RoomRetried

AnyEvent = (
    LifecycleEvent
    | StepEvent
    | RecordEvent
    | MessageEvent
    | NoticeEvent
    | AnyCampaignEvent
    | ExerciseEvent
    | BriefGiven
    | CommandTaken
    | SecondPersonAsked
    | SecondPersonConfirmed
    | DutiesAssessed
    | DutyRecorded
    | RoomChosen
    | GuestsListed
    | RoomRetried
)


class Recorded(msgspec.Struct, frozen=True):
    """An event with its number and time in the journal, as the fold needs it."""

    seq: int
    at: datetime
    event: AnyEvent


AnEvent = TypeVar("AnEvent", bound=Event)


def event_of(kind: type[AnEvent], command: msgspec.Struct, **more: object) -> AnEvent:
    """Return an event with the fields of the same names from a command, and with ``more``."""
    names = {*kind.__struct_fields__} & {*command.__struct_fields__}
    return kind(**{name: getattr(command, name) for name in names} | more)


ENCODER = msgspec.json.Encoder(order="sorted")
READER: Callable[[bytes], AnyEvent] = json_reader(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """Return the payload bytes: canonical JSON, keys sorted."""
    return ENCODER.encode(event)


def decode(payload: bytes) -> AnyEvent:
    """Return the event of payload bytes; unknown types raise ``msgspec.ValidationError``."""
    return READER(payload)
