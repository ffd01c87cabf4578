"""Catalogue of playbooks, laws and notices: the home folder first, then its pack of the law, then those of the program.

A file's name without its ending is the id; ``name@1.2.0.yaml`` keeps an older version of a playbook beside the
current one. Each file is read when it is first needed, and only once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from runner.base.text import near_hint
from runner.documents.notice import Notice
from runner.errors import Invalid, NotFound, Problem
from runner.law.offices import with_authorities
from runner.law.regime import Authority, Regime
from runner.law.relevance import CONTRACT
from runner.law.screening_index import outline
from runner.playbook.action_template import ActionTemplate
from runner.playbook.format import Playbook
from runner.playbook.law_pack import ABOUT, law_folder
from runner.playbook.lookup import Known, declared_domains
from runner.playbook.reading import Read, read_playbook
from runner.routing.message_classes import Written, laid_over
from runner.routing.messaging import BUILT_IN_CLASSES, Channel
from runner.routing.organisation import Home
from runner.yamlfile.compile_cache import compiled
from runner.yamlfile.source import Source, file_bytes, same_content, scan, scan_file

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from importlib.resources.abc import Traversable

File: TypeAlias = "Path | Traversable"
T = TypeVar("T")
Kind = Literal["playbooks", "regimes", "notices", "actions", "authorities", "contracts"]

_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "playbooks": (".yaml", ".yml"),
    "regimes": (".yaml", ".yml"),
    "notices": (".md",),
    "actions": (".yaml", ".yml"),
    "authorities": (".yaml", ".yml"),
    "contracts": (".yaml", ".yml"),
}
COMPILED = "compiled"
"""The folder beside the playbooks with the law and notices that the build compiled."""
_NONE: Mapping[str, Channel] = {}
_NO_CLASSES: Written = {}
_NUMBER = re.compile(r"\d+")


class Catalog:
    """One home's view of all playbooks, laws and notices. With ``folder`` None it has only the shipped ones."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        beside: Path | None = None,
        built_in: Traversable | None = None,
        cache: Path | None = None,
        classes: Written = _NO_CLASSES,
        anew: bool = False,
        law: File | None = None,
    ):
        """``beside`` is a folder whose playbooks have precedence: the folder of a file that is being checked.

        ``cache`` keeps all law compiled for later calls; None keeps nothing. ``classes`` are the home's own message
        classes, instead of those of the home's file. With ``anew``, the build's compiled files are not used.
        ``law`` is the folder of another pack than the home's.
        """
        self.folder = folder
        self.beside = beside
        self._built_in = built_in
        self._cache = cache
        self._anew = anew
        self._law = law
        self.classes = classes
        """Message classes of the organisation, from its settings."""
        self._reads: dict[str, tuple[Source, Read]] = {}
        self._regimes: dict[str, Regime] = {}
        self._notices: dict[str, tuple[Notice, str]] = {}
        self.bad_authorities: list[Invalid] = []
        """Problems of the home's files of authorities, once these are read."""

    def beside_of(self, file: Path) -> Catalog:
        """Return the same catalogue with precedence for the playbooks beside a file."""
        return self._again(file.absolute().parent, self._cache)

    def kept_in(self, cache: Path) -> Catalog:
        """Return the same catalogue with a cache of compiled law and notices."""
        return self._again(self.beside, cache)

    def _again(self, beside: Path | None, cache: Path | None) -> Catalog:
        same = {"built_in": self._built_in, "classes": self.classes, "anew": self._anew, "law": self._law}
        return Catalog(self.folder, beside=beside, cache=cache, **same)  # type: ignore[arg-type]

    @cached_property
    def compiled_folder(self) -> Path | None:
        """The folder with the law and notices that the build compiled; None if not used."""
        folder = None if self._anew else self._ours
        return folder / COMPILED if isinstance(folder, Path) else None

    @property
    def _ours(self) -> File:
        return self._built_in if self._built_in is not None else shipped(find_spec("playbooks"))

    @property
    def origin(self) -> Literal["built-in", "pack"]:
        """Where the law below the home's own files is from."""
        return "built-in" if self.law == self._ours else "pack"

    def _folders(self, kind: Kind) -> Iterator[File]:
        if self.beside is not None and kind == "playbooks":
            yield self.beside
        if self.folder is not None:
            yield self.folder / kind
        ours = self.law if kind in ("regimes", "notices", "authorities") else self._ours
        yield ours if kind == "playbooks" else ours / kind

    @cached_property
    def law(self) -> File:
        """The folder of the laws, notices and authorities below the home's own: of its pack, or of the program."""
        return self._law or self._pack[0] or self._ours

    @property
    def damage(self) -> str:
        """Why the pack that the home applied is not used; empty without damage."""
        return self._pack[1]

    @cached_property
    def _pack(self) -> tuple[Path | None, str]:
        return law_folder(self.folder, self._ours)

    def _files(self, kind: Kind, folder: str = "", endings: tuple[str, ...] = ()) -> dict[str, File]:
        """Return the files of a kind by their names without the ending; nearer folders hide the others."""
        found: dict[str, File] = {}
        for place in self._folders(kind):
            place = place / folder if folder else place
            for file in sorted(place.iterdir(), key=lambda file: file.name) if place.is_dir() else ():
                ending = next((end for end in endings or _ENDINGS[kind] if file.name.endswith(end)), "")
                hidden = not folder and file.name.startswith((".", "_"))
                if ending and not hidden and file.is_file():
                    found.setdefault(file.name.removesuffix(ending), file)
        return found

    @cached_property
    def playbook_files(self) -> dict[str, File]:
        """Playbook files by name, older versions by ``name@version``."""
        return self._files("playbooks")

    @cached_property
    def regime_files(self) -> dict[str, File]:
        """Law files by regime id, and the filled contracts of the home."""
        open_ = {problem.file for problem in self.open_contracts}
        own = self._own_contracts.items()
        return self._files("regimes") | {name: file for name, file in own if str(file) not in open_}

    @cached_property
    def contract_files(self) -> dict[str, File]:
        """Contracts of the home by name, and the templates of Tocsin for those that it does not have."""
        return self._files("contracts")

    @cached_property
    def _own_contracts(self) -> dict[str, File]:
        """Contracts of the home by their ids as laws."""
        own = self.contract_files.items()
        return {f"{CONTRACT}-{name}": file for name, file in own if self._is_of_home(file)}

    @cached_property
    def open_contracts(self) -> tuple[Problem, ...]:
        """What is not filled in the contracts of the home: these make no duty."""
        if not self._own_contracts:
            return ()
        from runner.law.files.contract_file import unfilled

        return tuple(
            problem
            for file in self._own_contracts.values()
            for problem in unfilled(file_bytes(file), str(file))
        )

    @cached_property
    def law_files(self) -> dict[str, File]:
        """All files of the law by kind and name: laws, and the authority directory of the program and the home."""
        files = {f"regime {name}": file for name, file in self.regime_files.items()}
        files["pack"] = self.law / ABOUT
        for place in self._folders("authorities"):
            for file in place.iterdir() if place.is_dir() else ():
                if file.name.endswith(_ENDINGS["authorities"]) and not file.name.startswith((".", "_")):
                    files[f"authority {'own ' if self._is_of_home(file) else ''}{file.name}"] = file
        return files

    @cached_property
    def authorities(self) -> Mapping[str, Authority]:
        """The authority directory by id; an entry of the home corrects the entry of the program with the same id.

        A file of the home with problems counts for nothing, so that it blocks no incident: ``doctor`` reports it.
        """
        from runner.law.files.authority_file import load_authorities

        found: dict[str, Authority] = {}
        files = [file for name, file in self.law_files.items() if name.startswith("authority ")]
        for file in sorted(files, key=lambda file: (self._is_of_home(file), file.name)):
            try:
                found = load_authorities(file_bytes(file), str(file), found)
            except Invalid as error:
                if not self._is_of_home(file):
                    raise
                self.bad_authorities.append(error)
        return found

    def ignored(self) -> Iterator[Path]:
        """Yield the files of the home with an ending that is not read, or with the name of another file."""
        for kind in _ENDINGS:
            place = self.folder / kind if self.folder is not None else None
            used = {*self._files(kind).values(), *self.law_files.values()}
            for file in sorted(place.iterdir()) if place is not None and place.is_dir() else ():
                if file.is_file() and file not in used and not file.name.startswith((".", "_")):
                    yield file

    @cached_property
    def notice_files(self) -> dict[str, File]:
        """Notice templates by id."""
        return self._files("notices")

    @cached_property
    def action_files(self) -> dict[str, File]:
        """Action templates by name."""
        return self._files("actions")

    @cached_property
    def part_files(self) -> dict[str, File]:
        """Files of macros that notices share, by name."""
        return self._files("notices", "parts", (".md",))

    @cached_property
    def form_files(self) -> dict[str, File]:
        """Lists of the fields of forms, by name."""
        return self._files("notices", "fields", (".yaml",))

    def is_own(self, kind: Kind, name: str) -> bool:
        """Whether a file belongs to the home."""
        if kind == "regimes":
            return name in self.regime_files and self._is_of_home(self.regime_files[name])
        return self.folder is not None and any(
            (self.folder / kind / f"{name}{ending}").is_file() for ending in _ENDINGS[kind]
        )

    def playbook_names(self) -> tuple[str, ...]:
        """Return the names of all playbooks, without versions."""
        return tuple(dict.fromkeys(name.partition("@")[0] for name in self.playbook_files))

    def find_playbook(self, name: str) -> tuple[Source, Read]:
        """Return a playbook by ``name`` or ``name@version`` as it was read; raises NotFound with the nearest name.

        A version can be shortened: ``@1`` selects the newest that begins with 1.
        """
        bare, _, version = name.partition("@")
        candidates = [file for file in self.playbook_files if file.partition("@")[0] == bare]
        if not candidates:
            hint = near_hint(bare, self.playbook_names(), "tocsin playbook list")
            raise NotFound(f'Playbook "{bare}" does not exist.', hint=hint, code="unknown_playbook")
        if not version and bare in candidates:
            return self._read(bare)
        read = {candidate: self._read(candidate) for candidate in candidates}
        versions = {
            one: found[1].playbook.version for one, found in read.items() if found[1].playbook is not None
        }
        fitting = [one for one, has in versions.items() if f"{has}.".startswith(f"{version}.") or not version]
        if not fitting:
            there = ", ".join(sorted(versions.values(), key=rank))
            raise NotFound(
                f'Playbook "{bare}" has no version "{version}".',
                hint=f"Choose one of: {there}.",
                code="unknown_version",
            )
        return read[max(fitting, key=lambda one: rank(versions[one]))]

    def playbooks(self) -> tuple[Playbook, ...]:
        """Return the playbooks that can be opened by name, as read; an unreadable one is left out."""
        return self._compiled("playbooks", self.playbook_files, tuple[Playbook, ...], self._every_playbook)

    def _every_playbook(self) -> tuple[Playbook, ...]:
        found = (_or_none(self._read, name) for name in sorted(self.playbook_files))
        return tuple(one[1].playbook for one in found if one is not None and one[1].playbook is not None)

    def _read(self, name: str) -> tuple[Source, Read]:
        if name not in self._reads:
            source = _scanned(self.playbook_files[name])
            self._reads[name] = source, read_playbook(source)
        return self._reads[name]

    def regime(self, name: str) -> Regime:
        """Return one compiled regime; raises NotFound, or Invalid with every problem of its file."""
        if name not in self._regimes:
            from runner.law.files.contract_file import load_contract
            from runner.law.files.regime_file import load_regime

            file = _wanted(self.regime_files, name, "regime", code="unknown_regime")
            load = load_contract if self._own_contracts.get(name) == file else load_regime
            regime = load(file_bytes(file), str(file))
            self._regimes[name] = with_authorities(regime, self.authorities.values())
        return self._regimes[name]

    def regimes(self) -> tuple[Regime, ...]:
        """Return all law, compiled, in the order of ids."""
        return self._compiled("regimes", self.law_files, tuple[Regime, ...], self._every_regime)

    def _every_regime(self) -> tuple[Regime, ...]:
        if self._builds_on_shipped(self.law_files):
            same = same_content(self.regime_files, self._shipped.regime_files)
            for regime in self._shipped.regimes():
                if regime.id in same:
                    addressed = with_authorities(regime, self.authorities.values())
                    self._regimes.setdefault(regime.id, addressed)
        # A contract with problems counts for nothing, so that it blocks no incident: ``doctor`` reports it.
        found = (
            _or_none(self.regime, name) if name in self._own_contracts else self.regime(name)
            for name in sorted(self.regime_files)
        )
        return tuple(regime for regime in found if regime is not None)

    def _compiled(self, kind: Kind, files: Mapping[str, File], wanted: type[T], make: Callable[[], T]) -> T:
        kept_as = kind if self._builds_on_shipped(files) else f"shipped-{kind}"
        return compiled(self._cache, kept_as, files, wanted, make, shipped=self.compiled_folder)[0]

    @cached_property
    def _shipped(self) -> Catalog:
        """The laws of the program, in the same cache: a file of the home or its pack causes the compilation of that file only."""
        return Catalog(built_in=self._ours, cache=self._cache, anew=self._anew)

    def _is_of_home(self, file: File) -> bool:
        own = self.folder is not None and isinstance(file, Path) and file.is_relative_to(self.folder)
        return own and not str(file).startswith(str(self.law))

    def _builds_on_shipped(self, files: Mapping[str, File]) -> bool:
        return self.law != self._ours or any(map(self._is_of_home, files.values()))

    def notice(self, name: str) -> tuple[Notice, str]:
        """Return one notice and its template text; raises NotFound, or Invalid with every problem of its file."""
        if name not in self._notices:
            from runner.documents.files.notice_file import load_notice

            file = _wanted(self.notice_files, name, "notice", code="unknown_notice")
            self._notices[name] = load_notice(file_bytes(file), str(file), self.part, self.form)
        return self._notices[name]

    def action(self, use: str) -> tuple[ActionTemplate, Any]:
        """Return an action template by ``NAME`` or ``NAME@VERSION``, and its authored content.

        Raises NotFound, or Invalid with every problem of its file.
        """
        from runner.playbook.action_file import read_action
        from runner.yamlfile.strict import invalid_file

        name, _, version = use.partition("@")
        source = _scanned(_wanted(self.action_files, name, "action", code="unknown_action"))
        template, problems = read_action(source)
        if template is None:
            raise invalid_file(source, problems, code="bad_action")
        if not f"{template.version}.".startswith(f"{version}." if version else ""):
            hint = f"Write {name}@{template.version.partition('.')[0]}."
            raise Invalid(f'Action "{use}" does not exist.', hint=hint, code="unknown_version")
        return template, source.data

    def part(self, name: str) -> tuple[str, str] | None:
        """Return the text and the file of shared macros of notices, the home's own first; None without one."""
        return _text(self.part_files.get(name))

    def form(self, name: str) -> tuple[str, str] | None:
        """Return the text and the file of a form's list of fields, the home's own first; None without one."""
        return _text(self.form_files.get(name))

    def notices(self) -> dict[str, tuple[Notice, str]]:
        """Return all notices by id, each with its template text."""
        files = {**self.notice_files, **self._shared_files}
        return self._compiled("notices", files, dict[str, tuple[Notice, str]], self._every_notice)

    def _every_notice(self) -> dict[str, tuple[Notice, str]]:
        # Another part or form changes the shipped notices: then all are compiled.
        ours, theirs = self._shared_files, self._shipped._shared_files
        alike = len(same_content(ours, theirs)) == len(ours | theirs)
        if self._builds_on_shipped(self.notice_files) and alike:
            same = same_content(self.notice_files, self._shipped.notice_files)
            for name, found in self._shipped.notices().items():
                if name in same:
                    self._notices.setdefault(name, found)
        return {name: self.notice(name) for name in sorted(self.notice_files)}

    @property
    def _shared_files(self) -> dict[str, File]:
        parts = {f"part {name}": file for name, file in self.part_files.items()}
        return parts | {f"form {name}": file for name, file in self.form_files.items()}

    def known(self, home: Home | None = None, *, channels: Mapping[str, Channel] = _NONE) -> Known:
        """Return the names that a playbook can use. ``channels`` are the home's, as their adapters describe them."""
        domains = frozenset[str]().union(*(channel.domains for channel in channels.values()))
        return Known(
            regimes=frozenset(self.regime_files),
            notices=frozenset(self.notice_files),
            playbooks=frozenset(self.playbook_names()),
            regime=lambda name: _or_none(self.regime, name),
            playbook=self._playbook_or_none,
            actions=frozenset(self.action_files),
            action=lambda use: _or_none(lambda name: self.action(name)[0], use),
            clock_starts=lambda: self._starts_and_recipients[0],
            law_reads=lambda: frozenset(outline(self.regimes()).reads),
            recipients=lambda: self._starts_and_recipients[1],
            grounds=lambda: self._starts_and_recipients[2],
            home=home,
            domains=domains | declared_domains(home),
            channels=channels,
            classes=laid_over(BUILT_IN_CLASSES, home.classes if home is not None else self.classes),
        )

    @cached_property
    def _starts_and_recipients(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Facts that start clocks, recipients, and grounds, from the compiled law: reading the files takes seconds."""
        try:
            laws = self.regimes()
        except Invalid:  # the check of the law reports it
            laws = self._shipped.regimes()
        rules = [rule for law in laws for version in law.versions for rule in version.duties]
        starts = (path for rule in rules for limb in rule.clock.limbs for path in limb.start.facts)
        versions = [version for law in laws for version in law.versions]
        excused = (
            one.code
            for version in versions
            for rule in version.duties
            for one in version.exemptions_of(rule.slug)
        )
        grounds = frozenset((*excused, *(one.code for rule in rules for one in rule.unless)))
        return frozenset(starts), frozenset(rule.recipient for rule in rules), grounds

    def _playbook_or_none(self, name: str) -> Playbook | None:
        found = _or_none(self.find_playbook, name)
        return None if found is None or found[1].problems else found[1].playbook


def shipped(found: ModuleSpec | None) -> File:
    """Return the folder that ships with the program; ``importlib.resources`` is slow, and needed only in an archive."""
    places = map(Path, (found and found.submodule_search_locations) or ())
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None:
        return folder
    from importlib.resources import files

    return files("playbooks")


def shipped_folder() -> Path | None:
    """Return the folder that ships with the program, None where the program runs from an archive."""
    traversable = shipped(find_spec("playbooks"))
    return traversable if isinstance(traversable, Path) else None


def _or_none(load: Callable[[str], T], name: str) -> T | None:
    try:
        return load(name)
    except (Invalid, NotFound):
        return None


def _scanned(file: File) -> Source:
    return scan_file(file) if isinstance(file, Path) else scan(file.read_bytes(), str(file))


def _text(file: File | None) -> tuple[str, str] | None:
    return None if file is None else (file_bytes(file).decode("utf-8").replace("\r\n", "\n"), str(file))


def _wanted(there: dict[str, File], name: str, what: str, *, code: str) -> File:
    if name not in there:
        hint = near_hint(name, there, f"tocsin {what} list" if what != "action" else "")
        kind = "Law" if what == "regime" else what.capitalize()
        raise NotFound(f'{kind} "{name}" does not exist.', hint=hint, code=code)
    return there[name]


def rank(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Order versions approximately as semver: by numbers, a release after its pre-releases."""
    numbers, _, preview = version.partition("+")[0].partition("-")
    return tuple(int(number) for number in _NUMBER.findall(numbers)), not preview, preview
