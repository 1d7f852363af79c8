"""A story: random pushes, moves, deletes and pulls, written down before it is told, from a seed.

A model of the registry goes with it, so that each step is one that a client can take when its turn comes. Steps of one
repository are taken in this order; steps of different repositories may overlap, and none depends on when.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.harness.registries import Image, fallback_tag, make_artifact, make_image, make_index

REPOSITORIES = ("solo", "team/app", "team/api", "team/a/b/c", "shop/web", "shop/web-ui", "ops/base", "ops/tools")
PODMAN_REPOSITORY = "podman/box"
LEAVING_REPOSITORY = "gone/soon"
TAGS = ("latest", "main", "edge", "1.0", "1.1", "2.0-rc.1")
PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")
LOOK_EVERY = 4

WEIGHTS = {
    "push": 24, "push_digest": 4, "move": 16, "move_back": 6, "artifact": 6, "delete": 8, "delete_through_tag": 4,
    "delete_tag": 4, "push_again": 5, "copy": 5, "pull": 14, "pull_digest": 6, "podman": 1.5, "empty": 0.7,
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """What a client does. `image` is what is pushed, or what a pull or a delete asks for; `source` is copied from."""

    number: int
    does: str
    repository: str
    tag: str = ""
    digest: str = ""
    source: str = ""
    digests: tuple[str, ...] = ()

    @property
    def repositories(self) -> tuple[str, ...]:
        return (self.repository, self.source) if self.source else (self.repository,)


@dataclass
class Repository:
    """What the registry has, and what tags were: by tag all digests in turn."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: set[str] = field(default_factory=set)
    past: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    deleted: list[str] = field(default_factory=list)


class Author:
    """Writes steps. `images` are all that the story pushes, by digest; `shelf` those that have a layout on disk."""

    def __init__(self, random: Random, *, can_delete_tags: bool) -> None:
        self._random = random
        self._can_delete_tags = can_delete_tags
        self.model: defaultdict[str, Repository] = defaultdict(Repository)
        singles = {p: [make_image(f"image {n}", platform=p) for n in range(10)] for p in PLATFORMS}
        indexes = [make_index([singles[p][n] for p in PLATFORMS[: 2 + n % 2]]) for n in range(8)]
        self.shelf = [*(image for images in singles.values() for image in images), *indexes]
        self.images = {image.digest: image for image in self.shelf}
        self.steps: list[Step] = []
        self._recent: list[str] = []

    def write(self, count: int) -> list[Step]:
        """`count` steps more, and a look at a repository after every few."""
        written = len(self.steps)
        for number in range(count):
            does = self._random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
            writer: Callable[[str], Step | None] = getattr(self, f"_{does}")
            repository = self._random.choice(REPOSITORIES)
            step = writer(repository) or self._push(repository)
            self.steps.append(step)
            self._recent = [*self._recent[-5:], step.repository]
            if number % LOOK_EVERY == LOOK_EVERY - 1:
                among = self._recent if self._random.random() < 0.75 else REPOSITORIES
                self.steps.append(self._step("look", self._random.choice(among)))
        return self.steps[written:]

    def push_everywhere(self, repositories: tuple[str, ...] = REPOSITORIES) -> list[Step]:
        """A few pushes to each repository, for a first read to find."""
        written = len(self.steps)
        for repository in repositories:
            self.steps += [self._push(repository) for _ in range(3)]
        return self.steps[written:]

    def _step(self, does: str, repository: str, **what: object) -> Step:
        return Step(len(self.steps), does, repository, **what)  # type: ignore[arg-type]

    def _put(self, repository: str, digest: str, tag: str = "") -> None:
        """What a push of an image with all that is in it makes of the model."""
        place = self.model[repository]
        place.manifests |= {digest, *(child.digest for child in self.images[digest].children)}
        if tag:
            place.tags[tag] = digest
            place.past[tag].append(digest)

    def _forget(self, repository: str, digest: str) -> None:
        place = self.model[repository]
        place.manifests.discard(digest)
        place.deleted.append(digest)
        place.tags = {tag: held for tag, held in place.tags.items() if held != digest}

    def _whole(self, repository: str, digest: str) -> bool:
        """Whether it is there with all children: what registries and clients want of an index that is copied."""
        place = self.model[repository]
        image = self.images[digest]
        return digest in place.manifests and all(child.digest in place.manifests for child in image.children)

    def _tagged(self, repository: str) -> list[str]:
        """Tags of images, whole ones, without those that list referrers."""
        place = self.model[repository]
        return sorted(tag for tag in place.tags if tag in TAGS and self._whole(repository, place.tags[tag]))

    def _push(self, repository: str) -> Step:
        image, tag = self._random.choice(self.shelf), self._random.choice(TAGS)
        self._put(repository, image.digest, tag)
        return self._step("push", repository, tag=tag, digest=image.digest)

    def _push_digest(self, repository: str) -> Step:
        image = self._random.choice([image for image in self.shelf if not image.children])
        self._put(repository, image.digest)
        return self._step("push_digest", repository, digest=image.digest)

    def _move(self, repository: str) -> Step | None:
        """A tag to what is in the repository already."""
        held = sorted(d for d in self.model[repository].manifests if self._is_shelved(repository, d))
        if not held:
            return None
        digest, tag = self._random.choice(held), self._random.choice(TAGS)
        self._put(repository, digest, tag)
        return self._step("move", repository, tag=tag, digest=digest)

    def _move_back(self, repository: str) -> Step | None:
        """A, B, A: a tag to what it was before."""
        place = self.model[repository]
        options = [
            (tag, digests[-2])
            for tag, digests in sorted(place.past.items())
            if len(digests) > 1 and digests[-2] != place.tags.get(tag) and self._is_shelved(repository, digests[-2])
        ]
        if not options:
            return None
        tag, digest = self._random.choice(options)
        self._put(repository, digest, tag)
        return self._step("move", repository, tag=tag, digest=digest)

    def _is_shelved(self, repository: str, digest: str) -> bool:
        return self.images[digest] in self.shelf and self._whole(repository, digest)

    def _artifact(self, repository: str) -> Step | None:
        """Something that refers to an image, and the tag that lists what refers to it."""
        held = sorted(d for d in self.model[repository].manifests if self._is_shelved(repository, d))
        if not held:
            return None
        subject = self.images[self._random.choice(held)]
        number = self._random.randrange(4)
        artifact = make_artifact(f"{number}", "application/spdx+json", subject)
        place = self.model[repository]
        tag = fallback_tag(subject)
        before = self.images[place.tags[tag]].children if tag in place.tags else ()
        listed = [image for image in before if image.digest in place.manifests and image.digest != artifact.digest]
        index = make_index([*listed, artifact])
        self.images |= {artifact.digest: artifact, index.digest: index}
        self._put(repository, index.digest, tag)
        return self._step("artifact", repository, tag=tag, digest=index.digest, digests=(artifact.digest,))

    def _delete(self, repository: str) -> Step | None:
        held = sorted(self.model[repository].manifests)
        if not held:
            return None
        digest = self._random.choice(held)
        self._forget(repository, digest)
        return self._step("delete", repository, digests=(digest,))

    def _delete_through_tag(self, repository: str) -> Step | None:
        """As skopeo does: the manifest that the tag points to, and with it every tag that does."""
        tags = self._tagged(repository)
        if not tags:
            return None
        tag = self._random.choice(tags)
        digest = self.model[repository].tags[tag]
        self._forget(repository, digest)
        return self._step("delete_through_tag", repository, tag=tag, digest=digest)

    def _delete_tag(self, repository: str) -> Step | None:
        """The tag alone, where the registry can."""
        tags = self._tagged(repository)
        if not tags or not self._can_delete_tags:
            return None
        tag = self._random.choice(tags)
        del self.model[repository].tags[tag]
        return self._step("delete_tag", repository, tag=tag)

    def _push_again(self, repository: str) -> Step | None:
        gone = [d for d in self.model[repository].deleted if self.images[d] in self.shelf]
        if not gone:
            return None
        digest, tag = self._random.choice(gone), self._random.choice(TAGS)
        self._put(repository, digest, tag)
        return self._step("push", repository, tag=tag, digest=digest)

    def _copy(self, repository: str) -> Step | None:
        """All platforms, from another repository."""
        source = self._random.choice([name for name in REPOSITORIES if name != repository])
        tags = self._tagged(source)
        if not tags:
            return None
        tag = self._random.choice(tags)
        digest = self.model[source].tags[tag]
        self._put(repository, digest, tag)
        return self._step("copy", repository, source=source, tag=tag, digest=digest)

    def _pull(self, repository: str) -> Step | None:
        tags = self._tagged(repository)
        if not tags:
            return None
        tag = self._random.choice(tags)
        return self._step("pull", repository, tag=tag, digest=self.model[repository].tags[tag])

    def _pull_digest(self, repository: str) -> Step | None:
        held = sorted(d for d in self.model[repository].manifests if self._is_shelved(repository, d))
        return self._step("pull_digest", repository, digest=self._random.choice(held)) if held else None

    def _podman(self, repository: str) -> Step | None:
        """Pulled, and pushed to a repository of podman's own, whose digests are podman's choice."""
        tags = self._tagged(repository)
        if not tags:
            return None
        tag = self._random.choice(tags)
        return self._step("podman", PODMAN_REPOSITORY, source=repository, tag=tag)

    def _empty(self, repository: str) -> Step | None:
        digests = tuple(sorted(self.model[repository].manifests))
        for digest in digests:
            self._forget(repository, digest)
        return self._step("empty", repository, digests=digests) if digests else None


def layout_name(image: Image) -> str:
    """Of its folder, where it is on the shelf."""
    return image.digest.removeprefix("sha256:")[:16]
