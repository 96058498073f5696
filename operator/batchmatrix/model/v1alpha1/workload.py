"""The workload: an allow-list of pod fields. What is not named here cannot be written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from batchmatrix.model.v1alpha1._types import (
    ApiModel,
    DnsLabel,
    DnsSubdomain,
    Duration,
    Image,
    Labels,
    Name,
    Quantities,
    Quantity,
    Text,
    Variable,
    cel,
    list_map,
    shape,
)

__all__ = [
    "POSITIVE",
    "ConfigMapSource",
    "EmptyDirSource",
    "EnvFrom",
    "EnvVar",
    "ExitCodes",
    "ImageRule",
    "LocalRef",
    "ObjectRef",
    "Resources",
    "SecretSource",
    "Template",
    "Volume",
    "VolumeClaimSource",
    "VolumeMount",
    "Workload",
]

_PATH = r"^/[^:]*$"
_SUB_PATH = r"^[^/]"
_USER_ID_MAX = 2**31 - 1

POSITIVE = ("duration(self) > duration('0s')", "must be more than 0s")

ExitCodes = Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(strict=False, min_length=1, max_length=64)]

ONE_IMAGE = ("!(has(self.image) && has(self.imagesByNode))", "has both image and imagesByNode; keep one of them")


class ImageRule(ApiModel):
    """An image and the nodes that need it."""

    node_labels: Annotated[Labels, Field(min_length=1, description="Labels a node must all have for this image.")]
    image: Image = Field(description="Image reference.")


ImageRules = Annotated[tuple[ImageRule, ...], Field(strict=False, min_length=1, max_length=16)]


class EnvVar(ApiModel):
    """A variable with a literal value."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("!self.name.startsWith('BATCHMATRIX_')", "name must not begin with BATCHMATRIX_, which is reserved")
        )
    )

    name: Variable = Field(description="Name of the variable.")
    value: Text = Field(default="", description="Value; $(X) is the value of a variable set before it, $$ is one $.")


class ObjectRef(ApiModel):
    """A ConfigMap or Secret in the matrix's namespace."""

    name: DnsSubdomain = Field(description="Name of the object.")
    optional: bool = Field(default=False, description="Whether the pod starts where the object does not exist.")


class EnvFrom(ApiModel):
    """Variables from all keys of one object."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.configMapRef) != has(self.secretRef)", "needs exactly one of configMapRef and secretRef")
        )
    )

    config_map_ref: ObjectRef | None = Field(default=None, description="ConfigMap to read.")
    secret_ref: ObjectRef | None = Field(default=None, description="Secret to read.")
    prefix: Variable | None = Field(default=None, description="Put before each key.")


class LocalRef(ApiModel):
    """A Secret in the matrix's namespace."""

    name: DnsSubdomain = Field(description="Name of the Secret.")


class Resources(ApiModel):
    """Resources of the container. The hardware's resource is added to the limits."""

    requests: Quantities = Field(default={}, description="Quantities the scheduler sets aside, by resource name.")
    limits: Quantities = Field(default={}, description="Quantities that are enforced, by resource name.")


class ConfigMapSource(ApiModel):
    """Files from a ConfigMap."""

    name: DnsSubdomain = Field(description="Name of the ConfigMap.")
    optional: bool = Field(default=False, description="Whether the pod starts where it does not exist.")


class SecretSource(ApiModel):
    """Files from a Secret."""

    secret_name: DnsSubdomain = Field(description="Name of the Secret.")
    optional: bool = Field(default=False, description="Whether the pod starts where it does not exist.")


class VolumeClaimSource(ApiModel):
    """A persistent volume."""

    claim_name: DnsSubdomain = Field(description="Name of the PersistentVolumeClaim.")
    read_only: bool = Field(default=False, description="Whether every mount of it is read-only.")


class EmptyDirSource(ApiModel):
    """An empty folder that lives as long as the pod."""

    medium: Literal["", "Memory"] = Field(default="", description="Memory for a tmpfs, empty for the node's disk.")
    size_limit: Quantity | None = Field(default=None, description="Most bytes it may hold; unlimited if not given.")


class Volume(ApiModel):
    """A volume of the pod: a name and exactly one source."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "[has(self.configMap), has(self.secret), has(self.persistentVolumeClaim), has(self.emptyDir)]"
                    ".filter(x, x).size() == 1"
                ),
                "needs exactly one of configMap, secret, persistentVolumeClaim and emptyDir",
            )
        )
    )

    name: DnsLabel = Field(description="Name that volumeMounts use.")
    config_map: ConfigMapSource | None = Field(default=None, description="Files from a ConfigMap.")
    secret: SecretSource | None = Field(default=None, description="Files from a Secret.")
    persistent_volume_claim: VolumeClaimSource | None = Field(default=None, description="A persistent volume.")
    empty_dir: EmptyDirSource | None = Field(default=None, description="An empty folder for the pod's life.")


class VolumeMount(ApiModel):
    """Where a volume is seen in the container."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("!has(self.subPath) || !self.subPath.matches('(^|/)\\\\.\\\\.(/|$)')", "subPath must not contain '..'")
        )
    )

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of one of the volumes.")
    mount_path: Annotated[str, shape(_PATH, "an absolute path without ':', such as /data", 1024)] = Field(
        description="Absolute path in the container."
    )
    sub_path: Annotated[str, shape(_SUB_PATH, "a path inside the volume that does not begin with '/'", 1024)] | None = (
        Field(default=None, description="Path inside the volume; the whole volume if not given.")
    )
    read_only: bool = Field(default=False, description="Whether the container may only read it.")


class Template(ApiModel):
    """What runs in the one container of each trial."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ONE_IMAGE,
            (
                (
                    "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && "
                    "self.volumes.exists(v, v.name == m.name))"
                ),
                "volumeMounts names a volume that volumes does not have",
            ),
        )
    )

    image: Image | None = Field(default=None, description="Image, where no environment brings one.")
    images_by_node: ImageRules | None = Field(
        default=None, description="Images by node label; the first rule that fits a node counts."
    )
    command: Annotated[tuple[Text, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Entry point; the image's own if empty. $(X) is expanded by the kubelet."
    )
    args: Annotated[tuple[Text, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Arguments; the image's own if empty. $(X) is expanded by the kubelet."
    )
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=64)] = Field(
        default=(), description="Variables, set after all others.", json_schema_extra=list_map("name")
    )
    env_from: Annotated[tuple[EnvFrom, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Variables from whole ConfigMaps and Secrets."
    )
    resources: Resources = Field(default=Resources(), description="Resources of the container.")
    working_dir: Annotated[str, shape(_PATH, "an absolute path without ':', such as /data", 1024)] | None = Field(
        default=None, description="Folder it starts in; the image's own if not given."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When the node pulls the image; Kubernetes' rule if not given."
    )
    image_pull_secrets: Annotated[tuple[LocalRef, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Secrets for the image's registry.", json_schema_extra=list_map("name")
    )
    volumes: Annotated[tuple[Volume, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Volumes of the pod.", json_schema_extra=list_map("name")
    )
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(strict=False, max_length=32)] = Field(
        default=(), description="Where the volumes are seen.", json_schema_extra=list_map("mountPath")
    )
    run_as_user: Annotated[int, Field(ge=0, le=_USER_ID_MAX)] | None = Field(
        default=None, description="Numeric user; the image's own if not given."
    )
    run_as_group: Annotated[int, Field(ge=0, le=_USER_ID_MAX)] | None = Field(
        default=None, description="Numeric primary group; the image's own if not given."
    )
    fs_group: Annotated[int, Field(ge=0, le=_USER_ID_MAX)] | None = Field(
        default=None, description="Numeric group that owns the volumes."
    )
    supplemental_groups: Annotated[
        tuple[Annotated[int, Field(ge=0, le=_USER_ID_MAX)], ...], Field(strict=False, max_length=16)
    ] = Field(default=(), description="Further numeric groups.")
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        default=None, description="Seconds from SIGTERM to SIGKILL; Kubernetes' 30 if not given."
    )
    priority_class_name: DnsSubdomain | None = Field(default=None, description="PriorityClass of the pods.")
    service_account_name: DnsSubdomain | None = Field(
        default=None, description="Service account of the pods; the operator says which are allowed."
    )
    timeout: Duration | None = Field(
        default=None,
        description="Longest run of one attempt, counted from the container's start; 1h if not given.",
        json_schema_extra=cel(POSITIVE),
    )
    end_marker: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None,
        description="Text that the log must hold, on one line or over several, for an allowed exit code to count as "
        "success; what logs.maxBytes cuts off is looked through too.",
    )
    allowed_exit_codes: ExitCodes | None = Field(
        default=None,
        description="Exit codes that count as success; [0] if not given. A change runs nothing again and holds for "
        "new results.",
    )


class Workload(Template):
    """What each trial runs: written here, or a named workload of a catalog, of which fields given here replace some."""

    model_config = ConfigDict(json_schema_extra=Template.model_config.get("json_schema_extra"))

    ref: Name | None = Field(
        default=None, description="Name of a workload in a catalog; each field that is given here replaces its own."
    )
