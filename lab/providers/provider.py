"""A Pulumi provider of the local cloud: what its resources do, apart from how they are asked.

The same methods answer the real engine (`service`, over gRPC) and the embedded run (`lab.embedded`).
All of them take and return plain values (`wire`).
"""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import LabError
from .machines import Machine, Machines
from .records import Record, Records
from .resources import Failure, Resource, changes
from .wire import UNKNOWN, Plain, contains_unknown

DEFAULTED = "__defaults"
"""Note in the inputs: the properties that the provider filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Say how new inputs differ from old ones; `changed` maps paths to "add", "delete" or "update"."""

    changed: Mapping[str, str] = field(default_factory=dict[str, str])
    replaces: list[str] = field(default_factory=list[str])
    delete_before_replace: bool = False


Lookup = Callable[[Plain, "Provider"], Plain]
"""A look-up: arguments and the provider in, result out; raises `LabError` if nothing is found."""


class Provider(ABC):
    """Provide one package's resources; a subclass adds the tables and what its VM does."""

    package: ClassVar[str]
    version: ClassVar[str]
    cloud: ClassVar[str]
    vm: ClassVar[str]
    tables: ClassVar[tuple[Resource, ...]]
    lookups: ClassVar[Mapping[str, Lookup]]
    settings_known: ClassVar[Mapping[str, str]]
    vm_outputs: ClassVar[tuple[str, ...]] = ()
    vm_id_is_the_machines: ClassVar[bool] = False

    def __init__(self, records: Records, machines: Machines, settings: Mapping[str, str] | None = None) -> None:
        self.records, self.machines = records, machines
        self.settings: dict[str, str] = dict(self.settings_known)
        self.resources = {resource.token: resource for resource in self.tables}
        self._naming, self._reserved = threading.Lock(), set[str]()
        self.configure(settings or {})

    # What a VM of this cloud is.

    @abstractmethod
    def vm_problems(self, inputs: Plain) -> Iterator[Failure]:
        """Yield what this cloud refuses in a VM's inputs; unknown values pass."""

    @abstractmethod
    def vm_name(self, inputs: Plain) -> str:
        """Return the name that people know the VM by."""

    @abstractmethod
    def vm_image(self, inputs: Plain) -> str:
        """Return the lab's image behind the VM's; `LabError` if there is none."""

    @abstractmethod
    def vm_payload(self, inputs: Plain) -> bytes | None:
        """Return what the slot holds."""

    def vm_attributes(self, inputs: Plain) -> dict[str, str]:
        """Return what the metadata service tells about the VM beside the payload and what all VMs have."""
        return {}

    def vm_address(self, inputs: Plain) -> str | None:
        """Return the address that the VM must get, None for any."""
        return None

    @abstractmethod
    def vm_computed(self, machine: Machine, inputs: Plain) -> Plain:
        """Return the outputs that depend on the machine."""

    @abstractmethod
    def vm_restart_needed(self, changed: Mapping[str, str], new: Plain) -> bool:
        """Tell whether the cloud stops and starts the VM for these changes; `LabError` if it refuses them."""

    # What a resource reports beyond its table.

    def computed(self, record: Record) -> Plain:
        """Return outputs that a template cannot say."""
        return {}

    def computed_names(self, token: str) -> tuple[str, ...]:
        """Return the names of what `computed` adds."""
        return ()

    # The provider's methods.

    def check_config(self, config: Mapping[str, Any]) -> list[Failure]:
        """Return what is wrong with the provider's settings."""
        known = {*self.settings_known, "version", "pluginDownloadURL"}
        unknown = [key for key in config if key not in known and not key.startswith("__")]
        reason = f"unknown setting of the local {self.package}; known here: {', '.join(sorted(self.settings_known))}"
        return [Failure(key, reason) for key in unknown]

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the provider's settings (region, project, ...)."""
        self.settings.update({k: str(v) for k, v in config.items() if k in self.settings_known and v not in (None, "")})

    def check(self, token: str, name: str, olds: Plain, news: Plain) -> tuple[Plain, list[Failure]]:
        """Return the inputs with defaults filled in, and what is wrong with them."""
        resource = self.resources.get(token)
        if resource is None:
            known = ", ".join(sorted(self.resources))
            return news, [Failure("", f"the local cloud has no {token}; it has {known}")]
        inputs = {key: value for key, value in news.items() if value is not None}
        filled = {key: value for key, value in resource.defaults.items() if key not in inputs}
        if resource.named and resource.named not in inputs:
            kept = olds.get(resource.named) if resource.named in olds.get(DEFAULTED, ()) else None
            filled[resource.named] = kept or f"{name}{resource.hyphen}{secrets.token_hex(4)[len(resource.hyphen) :]}"
        if filled:
            inputs = {**inputs, **filled, DEFAULTED: sorted(filled)}
        failures = list(resource.problems(inputs))
        if token == self.vm and not failures:
            failures = list(self.vm_problems(inputs))
        return inputs, failures

    def diff(self, token: str, old_inputs: Plain, new_inputs: Plain) -> Difference:
        """Compare inputs: what changes in place, what replaces the resource."""
        resource = self._resource(token)
        changed = changes(old_inputs, new_inputs)
        replaces = resource.replacing(changed)
        # Two resources cannot have one name at a time, so a replacement that keeps it must delete first.
        same_name = bool(resource.named) and resource.named not in new_inputs.get(DEFAULTED, ())
        kept = same_name and old_inputs.get(resource.named) == new_inputs.get(resource.named)
        return Difference(changed=changed, replaces=replaces, delete_before_replace=bool(replaces) and kept)

    def create(self, token: str, urn: str, inputs: Plain, *, preview: bool = False) -> tuple[str, Plain]:
        """Make a resource and return its id and state; in a preview the id is empty and outputs are unknown."""
        resource = self._resource(token)
        if preview:
            return "", {**inputs, **dict.fromkeys(self._computed_names(resource), UNKNOWN)}
        record = self._new_record(resource, urn, inputs)
        if token == self.vm:
            self._create_machine(record)
        else:
            self._claim(record)
        record.computed |= self.computed(record)
        record.made = True
        self.records.put(record)
        return record.id, record.state

    def read(self, token: str, id: str) -> tuple[Plain, Plain] | None:
        """Return inputs and state of what the cloud has, or None if it is gone."""
        record = self.records.get(token, id)
        if record is None or (record.machine and self._machine(record) is None):
            return None
        return record.inputs, record.state

    def update(self, token: str, id: str, old_inputs: Plain, new_inputs: Plain, *, preview: bool = False) -> Plain:
        """Change a resource in place and return its state."""
        record = self.records.get(token, id)
        if preview:
            return {**new_inputs, **(record.computed if record else {})}
        if record is None:
            raise LabError(f"{id} is gone from the local cloud; `pulumi refresh` (or the next up) sees that")
        changed = changes(record.inputs, new_inputs)
        refused = self._resource(token).refused(changed)
        if refused:
            raise LabError(f"409 PropertyChangeNotAllowed: changing property {refused[0]!r} is not allowed")
        if token == self.vm:
            self._update_machine(record, changed, new_inputs)
        record.inputs = new_inputs
        record.computed |= self.computed(record)
        self.records.put(record)
        return record.state

    def delete(self, token: str, id: str) -> None:
        """Remove a resource; one that is gone is fine."""
        record = self.records.get(token, id)
        if record is not None:
            self._remove(record)

    def invoke(self, token: str, arguments: Plain) -> Plain:
        """Answer a look-up; `LabError` if there is nothing or the local cloud does not know the look-up."""
        if token not in self.lookups:
            known = ", ".join(sorted(self.lookups))
            raise LabError(f"the local cloud has no look-up {token}; it has {known}")
        if contains_unknown(arguments):
            raise LabError(f"{token} was asked with arguments that are not known yet")
        return self.lookups[token](arguments, self)

    def abandon(self, urn: str, known_ids: set[str]) -> None:
        """Remove what a killed command created for a resource without the engine having noted it."""
        for record in list(self.records.of_urn(urn)):
            if record.id not in known_ids:
                self._remove(record)

    def abandon_unknown(self, known: set[tuple[str, str]]) -> None:
        """Remove every resource whose URN and id are not among the known pairs."""
        for record in list(self.records.all()):
            if (record.urn, record.id) not in known:
                self._remove(record)

    # Below: how.

    def _resource(self, token: str) -> Resource:
        if token not in self.resources:
            raise LabError(f"the local cloud has no {token}; it has {', '.join(sorted(self.resources))}")
        return self.resources[token]

    def _computed_names(self, resource: Resource) -> list[str]:
        names = [*resource.outputs, *self.computed_names(resource.token)]
        return [*names, *self.vm_outputs] if resource.token == self.vm else names

    def _new_record(self, resource: Resource, urn: str, inputs: Plain) -> Record:
        digits = secrets.token_hex(16)
        words = {**self.settings, **{k: v for k, v in inputs.items() if isinstance(v, str | int)}}
        words |= {"hex17": digits[:17], "uuid": _uuid(digits), "byte": str(int(digits[:2], 16) % 250 + 4)}
        words["number"] = str(int(digits, 16))[:19]
        id = resource.id.format_map(_Words(words))
        words["id"] = id
        computed = {name: text.format_map(_Words(words)) for name, text in resource.outputs.items()}
        return Record(token=resource.token, id=id, urn=urn, inputs=inputs, computed=computed, made=False)

    def _claim(self, record: Record) -> None:
        """Write the record unless the cloud has a resource of that name; a half-made one of the same URN is removed."""
        existing = self.records.get(record.token, record.id)
        if existing is not None and not existing.made and existing.urn == record.urn:
            self._remove(existing)
        elif existing is not None:
            raise LabError(f"409 already exists: {record.id}")
        self.records.put(record)

    def _create_machine(self, record: Record) -> None:
        inputs = record.inputs
        with self._naming:
            record.machine = self._free_name(self.vm_name(inputs))
            self._reserved.add(record.machine)
            self._claim(record)
        try:
            machine = self.machines.create(
                self.cloud,
                record.machine,
                payload=self.vm_payload(inputs),
                image=self.vm_image(inputs),
                attributes=self.vm_attributes(inputs),
                **self._address(inputs),
            )
            self._take_identity(record, machine)
            machine.start()
        except BaseException:
            self._remove(record)
            raise
        finally:
            self._reserved.discard(record.machine)

    def _take_identity(self, record: Record, machine: Machine) -> None:
        """Complete a VM's record with what is known since the machine exists."""
        if self.vm_id_is_the_machines:
            self.records.remove(record)
            record.id = machine.instance_id
            self.records.put(record)
        record.computed |= self.vm_computed(machine, record.inputs)

    def _address(self, inputs: Plain) -> dict[str, Any]:
        address = self.vm_address(inputs)
        return {"address": address} if address else {}

    def _update_machine(self, record: Record, changed: Mapping[str, str], new: Plain) -> None:
        machine = self._machine(record)
        if machine is None:
            raise LabError(f"the machine {record.machine} behind {record.id} is gone; the next refresh sees that")
        restart = self.vm_restart_needed(changed, new)
        if restart:
            machine.stop()
        try:
            if self.vm_payload(new) != self.vm_payload(record.inputs):
                machine.set_payload(self.vm_payload(new))
            if self.vm_attributes(new) != self.vm_attributes(record.inputs):
                machine.set_attributes(self.vm_attributes(new))
        finally:
            if restart:
                machine.start()

    def _free_name(self, name: str) -> str:
        """Return the name, or one with a number if another VM has it (on EC2 names are only tags)."""
        taken = {machine.name for machine in self.machines.machines()} | self._reserved
        return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 1000))) if n not in taken)

    def _machine(self, record: Record) -> Machine | None:
        names = {machine.name for machine in self.machines.machines()}
        return self.machines.machine(record.machine) if record.machine in names else None

    def _remove(self, record: Record) -> None:
        machine = self._machine(record) if record.machine else None
        if machine is not None:
            machine.delete()
        self.records.remove(record)


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
