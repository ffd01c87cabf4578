"""Organisation of a home folder: people, roles, channels and permissions of ``tocsin.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from runner.base.instants import parse_duration
from runner.base.states import AttemptState, Profile, Severity
from runner.routing.messaging import (
    BUILT_IN_CLASSES,
    Channel,
    ChannelConfig,
    ContactPoint,
    MessageClass,
    Recipient,
)
from runner.routing.rota import Watch
from runner.routing.war_room import RoomConfig

Addressee = Annotated[str, msgspec.Meta(pattern=r"^(role|person):[^\s:]+$(?!\n)", title="a recipient")]
"""``role:NAME`` or ``person:ID``."""
MACHINE = "host:"
"""Prefix of a machine's name among the domains of an adapter."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person who can be alerted, asked, or have a role."""

    name: str = ""
    contacts: tuple[ContactPoint, ...] = ()
    away: bool = False
    alternate: str = ""
    """Their deputy during an absence and for overdue approvals."""
    zone: str = ""
    """Their time zone, such as ``Europe/Berlin``."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """When a contact method was last tested, and when it last worked."""

    at: datetime
    state: AttemptState
    succeeded_at: datetime | None = None
    reason: str = ""
    worker: str = ""
    """The worker that tests, while ``state`` is ``sending``."""


class AuthProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How actions authenticate to one service. Tokens are only in memory, and only until they expire."""

    kind: Literal["oauth2", "google-jwt", "aws-sigv4", "basic", "static", "hmac"]
    secret: str
    """Reference of the client secret, private key or key file, password, token, or signing key."""
    url: str = ""
    """Address of the service. Its host is the only one that gets the token; without it, the hosts of ``act.hosts``."""
    client_id: str = ""
    """Client id, user name, or id of the access key."""
    token_url: str = ""
    scope: str = ""
    subject: str = ""
    """The administrator on whose behalf a Google service account acts."""
    key_id: str = ""
    """The service's id of the private key in ``secret``."""
    certificate: str = ""
    """Reference of the certificate in PEM, if ``secret`` is its private key."""
    region: str = "us-east-1"
    service: str = "iam"
    header: str = "Authorization"
    prefix: str = ""
    """Text before a static token, such as ``Bearer `` or ``SSWS ``."""


class Acting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Permissions of automatic actions: named hosts and secrets, and local commands only if switched on."""

    hosts: frozenset[str] = frozenset()
    commands: bool = False
    secrets: dict[str, str] = {}
    """Names that playbooks use, as ``secret:NAME`` → reference of each secret."""
    environment: tuple[str, ...] = ()
    """Additional environment variables of local commands."""
    auth: dict[str, AuthProfile] = {}
    """Profiles that action templates name. Without its profile, people do an action by hand."""
    never: tuple[str, ...] = ()
    """Accounts, hosts and other items on which no action runs; ``*`` stands for any text."""

    @property
    def references(self) -> dict[str, str]:
        """The reference of each secret of actions; a playbook cannot name that of a profile."""
        found = {f"auth {name}": profile.secret for name, profile in self.auth.items()}
        found |= {
            f"certificate {name}": one.certificate for name, one in self.auth.items() if one.certificate
        }
        return self.secrets | found

    def integrates(self, auth: str, host: str) -> bool:
        """Return whether an action with this profile, at this host, can run; otherwise people do it."""
        return auth in self.auth if auth else host in self.hosts

    def address(self, auth: str) -> str:
        """Return the address of a profile's service; empty for that of the template."""
        return self.auth[auth].url if auth in self.auth else ""


class Paper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stationery of the organisation's documents; paths are relative to the home."""

    letterhead: str = ""
    """A Word file whose headers, footers, styles and page every ``.docx`` uses."""
    logo: str = ""
    """A PNG or SVG file above the letterhead's lines in PDF, Word and HTML."""
    logo_sha256: str = ""
    """The required digest of this file."""
    privileged: bool = False
    """Whether drafts and cover sheets are marked as prepared for counsel; filed documents never are."""


class Insurance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The cyber insurance policy; in incidents these are the facts ``organisation.insurance``."""

    hotline: (
        Annotated[str, msgspec.Meta(pattern=r"^\+?[\d ()/.-]{5,30}$(?!\n)", title="a phone number")] | None
    ) = None
    policy: (
        Annotated[str, msgspec.Meta(pattern=r"^[^\n]*\S[^\n]*$(?!\n)", title="a policy number")] | None
    ) = None
    """``none``: there is no policy."""
    notice_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] | None = None
    """Hours until the insurer must know of an incident."""
    panel: tuple[str, ...] = ()
    """Firms that the insurer accepts: lawyers, forensics, negotiators."""


class SecondPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The person who confirms an act that needs two people; ``none`` is the reason if there is nobody."""

    none: Annotated[str, msgspec.Meta(pattern=r"\S")] | None = None


Proof = Literal["approve", "decide", "close"]
"""Acts that can need a proven name: ``decide`` includes to confirm an entry as the second person."""


class LoginProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider with which people log in at the web pages, beside password and passkey."""

    issuer: str
    """Its issuer, exactly as the provider states it."""
    client_id: str
    secret: str = ""
    """Reference of the client secret; empty for a public client."""
    name: str = "your organisation"
    """As the login page names it."""
    domain: str = "idp"
    """Its failure domain: while that is compromised, nobody logs in with the provider."""
    second_factor: bool = False
    """Whether a login needs a factor of the account here, too."""
    ca_file: str = ""
    """Path of the authorities in PEM that are trusted for it instead of the public ones; relative to the home folder."""
    subjects: dict[str, str] = {}
    """``sub`` → person: accounts that need no invitation. Any other account is bound by its owner."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acts that need a proven name as soon as the home has an account, and the provider of logins."""

    require_proof: tuple[Proof, ...] = ("approve", "decide")
    provider: LoginProvider | None = None


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How other machines reach ``tocsin serve``: over its own certificate, or through a proxy that speaks TLS."""

    names: tuple[str, ...] = ()
    """Host names of the web pages, as in the address of a browser; with the port unless it is 443."""
    certificate: str = ""
    """Path of a certificate chain in PEM; relative to the home folder."""
    key: str = ""
    """Path of its private key."""
    proxies: tuple[str, ...] = ()
    """Addresses of the proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach the pages over TLS."""
        return bool(self.names and (self.proxies or (self.certificate and self.key)))


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where webhooks may go beside public addresses."""

    private_hosts: frozenset[str] = frozenset()
    """Hosts of receivers that may have a private address or no TLS."""


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where ``tocsin backup`` writes to, and which older backups it keeps."""

    to: str = ""
    """A folder, best on another disk; relative to the home folder."""
    keep: str = "7d,4w,6m"
    """The newest backup of each of so many days, weeks, months or years (``y``) stays."""
    encrypt: tuple[str, ...] = ()
    """Public keys of age, or of SSH: backups are encrypted for these."""


class LawSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publishers of packs of the law, and the internal target of a duty without a number."""

    keys: dict[str, str] = {}
    """Publishers whose signature is accepted: name → Ed25519 public key, in base64."""
    internal_target: str = "3d"
    """Time for a duty without a number in the law ("without undue delay"), from the start of its clock."""

    @property
    def target(self) -> timedelta:
        """The internal target as a duration."""
        return parse_duration(self.internal_target)


Mode = Literal["auto", "manual"]
"""``auto``: ``open`` starts a worker for a real incident, and a writing command restarts a dead worker."""


class Working(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Start mode of the home folder's workers, and the monitoring address that they call."""

    mode: Mode = "auto"
    ping: str = ""
    """The URL of a dead man's switch, or the reference of a secret with it."""


class TimestampSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The RFC 3161 authority that timestamps checkpoints; none by default."""

    url: str = ""
    ca: str = ""
    """PEM file with the certificates of the authority; its path is relative to the home folder."""


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tocsin.yaml``: the settings of one organisation. Secrets are only references."""

    schema: Literal["tocsin/home/v1"]
    store: str = "sqlite:tocsin.db"
    master_key: str = "file:master.key"
    store_password: str = ""
    organisation: dict[str, Any] = {}
    insurance: Insurance = Insurance()
    people: dict[str, Person] = {}
    roles: dict[str, tuple[str, ...]] = {}
    oncall: dict[str, str] = {}
    """Roles on a rota → an iCalendar file; its path is relative to the home folder. ``roles`` names the persons for its gaps."""
    war_rooms: dict[str, RoomConfig] = {}
    """War rooms, in order of use."""
    alternates: dict[str, tuple[str, ...]] = {}
    """Deputies of a role: they are alerted if nobody acknowledges, and may give an approval that is overdue."""
    escalation: tuple[Addressee, ...] = ()
    """Escalation contacts if the recipients do not answer and the message names none."""
    public_url: str = ""
    """Public address of ``tocsin serve-callbacks``; without it messages have no links."""
    channels: dict[str, ChannelConfig] = {}
    corporate: frozenset[str] = frozenset()
    """Failure domains of the company's own identity provider, network, mail and chat."""
    classes: dict[str, dict[str, Any]] = {}
    """Message classes of the home: the base class of each, and the differences."""
    act: Acting = Acting()
    worker: Mode | Working = "auto"
    stationery: Paper = Paper()
    second_person: SecondPerson = SecondPerson()
    identity: Identity = Identity()
    serve: ServeSettings = ServeSettings()
    webhooks: WebhookSettings = WebhookSettings()
    backup: BackupSettings = BackupSettings()
    timestamps: TimestampSettings = TimestampSettings()
    law: LawSettings = LawSettings()
    profile: Profile = "large"
    """Profile of new incidents: playbooks leave out the steps of the other one."""
    small: dict[str, str] = {}
    """In the small profile: role → the role whose persons have it, if nobody else has."""
    severities: dict[Severity, str] = {}
    """Meaning of the severity levels here; other levels have the default meaning."""

    def merges(self, profile: Profile) -> Mapping[str, str]:
        """Return the role merges of a profile."""
        return self.small if profile == "small" else {}

    def holders(self, role: str) -> tuple[str, ...]:
        """Return the persons of a role in the profile of the settings."""
        return self.roles.get(role, ()) or self.roles.get(self.merges(self.profile).get(role, role), ())

    @property
    def private_references(self) -> tuple[str, ...]:
        """References of secrets that automatic actions cannot use: the master key, and those of store, login and channels."""
        channels = (reference for channel in self.channels.values() for reference in channel.secrets.values())
        provider = self.identity.provider.secret if self.identity.provider else ""
        own = (self.master_key, self.store_password, self.working.ping, provider)
        return tuple(reference for reference in (*own, *channels) if reference)

    @property
    def working(self) -> Working:
        """Worker settings, also if only the mode is written."""
        return self.worker if isinstance(self.worker, Working) else Working(mode=self.worker)

    def recipient(self, person: str) -> Recipient:
        """Return every known contact method of a person; none for an unknown person."""
        return _recipient(self.people, person)

    @property
    def domains(self) -> frozenset[str]:
        """Return every failure domain that a channel or a contact names."""
        named = [channel.domains or frozenset() for channel in self.channels.values()]
        named += [contact.domains for person in self.people.values() for contact in person.contacts]
        return frozenset().union(*named)


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Reachable persons and channels at this moment: the settings with later records applied."""

    people: Mapping[str, Person] = {}
    roles: Mapping[str, tuple[str, ...]] = {}
    channels: Mapping[str, Channel] = {}
    alternates: Mapping[str, tuple[str, ...]] = {}
    escalation: tuple[str, ...] = ()
    broken: Mapping[str, str] = {}
    """Configured channels that cannot be used → why: a missing integration, invalid settings."""
    corporate: frozenset[str] = frozenset()
    classes: Mapping[str, MessageClass] = msgspec.field(default_factory=lambda: BUILT_IN_CLASSES)
    """The built-in message classes with the home's own."""
    checks: Mapping[tuple[str, str], Check] = {}
    """Person and channel → the last channel test."""
    watches: Mapping[str, Watch] = {}
    """Roles on a rota → the person on call."""

    def recipient(self, person: str) -> Recipient:
        """Return every known contact method of a person; none for an unknown person."""
        return _recipient(self.people, person)

    def contacts_in(self, domain: str) -> tuple[str, ...]:
        """Return the contacts that themselves depend on a domain, whatever the channel: ``maria's email``."""
        return tuple(
            f"{name}'s {contact.channel}"
            for name, person in sorted(self.people.items())
            for contact in person.contacts
            if domain in contact.domains
        )

    @property
    def domains(self) -> frozenset[str]:
        """Return every failure domain of a channel or a contact."""
        named = [channel.domains for channel in self.channels.values()]
        named += [contact.domains for person in self.people.values() for contact in person.contacts]
        return frozenset().union(*named)

    def domain_meant(self, text: str) -> str:
        """Return the failure domain of a name: the name of a machine means its domain."""
        machine = f"{MACHINE}{text}"
        return machine if text not in self.domains and machine in self.domains else text

    def deputies(self, role: str, held: Sequence[str]) -> tuple[str, ...]:
        """Return the deputies of a role and of the people who have it, without these people."""
        named = [*self.alternates.get(role, ())]
        named += [one.alternate for name in held if (one := self.people.get(name)) and one.alternate]
        return tuple(person for person in dict.fromkeys(map(self.standing_in, named)) if person not in held)

    @property
    def without_deputy(self) -> tuple[str, ...]:
        """Roles with one person and no deputy."""
        return tuple(
            role for role, held in self.roles.items() if len(held) == 1 and not self.deputies(role, held)
        )

    def standing_in(self, person: str) -> str:
        """Return the deputy of a person, following deputies once around at most."""
        seen: set[str] = set()
        while person not in seen:
            seen.add(person)
            known = self.people.get(person)
            if known is None or not known.away or not known.alternate:
                return person
            person = known.alternate
        return person


def _recipient(people: Mapping[str, Person], person: str) -> Recipient:
    known = people.get(person)
    if known is None:
        return Recipient(person=person)
    return Recipient(person=person, contacts=known.contacts, zone=known.zone)
