"""Take certificates, lists and directories into a trust folder: looked at first, then in one step.

:func:`plan_import` says what would be taken and what is wrong, :func:`carry_out` does it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from eid.trust.folder import read_folder
from eid.trust.intake import Addition, Intake, Plan, Terms
from eid.trust.manifest import Entry, Manifest, read_manifest, write_manifest, write_whole

__all__ = ["Addition", "Plan", "Terms", "carry_out", "plan_import", "remove"]


def plan_import(folder: Path, sources: Collection[Path], terms: Terms) -> Plan:
    """Look at files (certificates, CRLs, PEM bundles, master lists, LDIF) without taking them.

    Raises ``SettingsError`` for an unusable folder or manifest, ``OSError`` for a source that
    cannot be read; whatever is wrong inside a source is a problem of the plan.
    """
    manifest = read_manifest(folder) or Manifest()
    intake = Intake(read_folder(folder, []), manifest, terms)
    for source in sources:
        intake.take(source)
    return intake.plan()


def carry_out(folder: Path, plan: Plan) -> None:
    """Write the files, then make them count by one rename; then drop what was superseded."""
    manifest = read_manifest(folder) or _adopted(folder)
    for kind in {addition.kind for addition in plan.additions}:
        (folder / kind).mkdir(exist_ok=True)
    for addition in plan.additions:
        write_whole(folder / addition.entry.path, addition.data)
    os.sync()
    entries = {**manifest.entries, **{one.entry.path: one.entry for one in plan.additions}}
    for path in plan.superseded:
        entries.pop(path, None)
    write_manifest(folder, Manifest(entries=entries, lists=plan.lists))
    for path in plan.superseded:
        (folder / path).unlink(missing_ok=True)


def remove(folder: Path, paths: Collection[str]) -> None:
    """Take files out of the manifest, then from the disk."""
    manifest = read_manifest(folder) or _adopted(folder)
    entries = {path: entry for path, entry in manifest.entries.items() if path not in paths}
    write_manifest(folder, Manifest(entries=entries, lists=manifest.lists))
    for path in paths:
        (folder / path).unlink(missing_ok=True)


def _adopted(folder: Path) -> Manifest:
    """A manifest of what the operator had put into the folder by hand."""
    found = read_folder(folder, [])
    entries = {
        path: Entry(path=path, sha256=hashlib.sha256(data).hexdigest(), source="the operator")
        for items in found.values()
        for path, data in items
    }
    return Manifest(entries=entries)
