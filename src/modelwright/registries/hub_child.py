"""The hub's child: `huggingface_hub` in a process of its own, that can be stopped.

Reads one job as JSON from stdin and prints JSON lines: a file that is begun, a file with
its place in the library's cache, at last an error or nothing. Whatever the
library asks for goes through the same rules as our own requests.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from modelwright.core.errors import Denied, Invalid, ModelwrightError, NotFound, Unavailable, Unsupported
from modelwright.core.model_folder import Kind, choose_model_files, without_company
from modelwright.core.wording import excerpt
from modelwright.registries.pinned import pinned_client
from modelwright.registries.traffic import Traffic

KINDS: Final[Mapping[str, type[ModelwrightError]]] = {
    error.kind: error for error in (Denied, Invalid, Unavailable, Unsupported)
}
"""What may be told through the pipe, NotFound apart."""

_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_MOST_FILES: Final = 1024


def main() -> None:
    """Do the job on stdin."""
    job = json.load(sys.stdin)
    try:
        for name, path in fetch(job["repository"], job["revision"], Traffic(job["registries"])):
            _tell(file=name, path=path)
    except ModelwrightError as error:
        _tell(error=error.kind, message=error.message, hint=error.hint)


def fetch(repository: str, revision: str, traffic: Traffic) -> Iterator[tuple[str, str]]:
    """Fetch a model's files at one commit; gives each name and its path."""
    import huggingface_hub
    from huggingface_hub import constants, errors

    host = constants.ENDPOINT.partition("://")[2].rstrip("/")
    traffic.check(host)
    huggingface_hub.set_client_factory(lambda: pinned_client(traffic))
    single = revision if revision.lower().endswith(".gguf") else ""
    wanted = "main" if single or revision == "latest" else revision
    try:
        commit, names = _listed(repository, wanted)
        chosen = [single] if single else _chosen(names)
        for name in sorted(chosen, key=lambda name: not name.endswith(".json")):
            _tell(begun=name)
            path = Path(huggingface_hub.hf_hub_download(repository, name, revision=commit))
            if name.endswith(".json"):
                _refuse_code(name, path)
            yield name, str(path.resolve())
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        if isinstance(error, errors.GatedRepoError):
            raise Denied(f"{repository} is gated", hint="Set HF_TOKEN to a token that may read it") from error
        raise NotFound("repository", f"{repository}:{revision}") from error
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, OSError) as error:
        text = str(error).strip().partition("\n")[0]
        raise Unavailable(f"{host} failed: {excerpt(text, 300)}") from error


def _listed(repository: str, revision: str) -> tuple[str, Sequence[str]]:
    """The commit that a revision is now, and the files it has."""
    import huggingface_hub
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _cached(repository, revision)
    said = huggingface_hub.HfApi().model_info(repository, revision=revision)
    if not said.sha:
        raise Unavailable(f"the hub does not say which commit {repository}:{revision} is")
    return said.sha, [each.rfilename for each in said.siblings or ()]


def _cached(repository: str, revision: str) -> tuple[str, Sequence[str]]:
    """The same of what is in the cache; where no name was kept, the newest is meant."""
    import huggingface_hub
    from huggingface_hub import errors

    try:
        repositories = huggingface_hub.scan_cache_dir().repos
    except errors.CacheNotFound:
        repositories = frozenset()
    found = [each for repo in repositories if repo.repo_id == repository for each in repo.revisions]
    named = [each for each in found if revision in each.refs or each.commit_hash == revision]
    if not named and revision == "main":
        named = sorted(found, key=lambda each: each.last_modified)
    if not named:
        raise NotFound("repository", f"{repository}:{revision}", hint="HF_HUB_OFFLINE is set")
    folder = named[-1].snapshot_path
    there = [path for path in folder.rglob("*") if path.is_file()]
    return named[-1].commit_hash, [path.relative_to(folder).as_posix() for path in there]


def _chosen(names: Sequence[str]) -> Sequence[str]:
    if len(names) > _MOST_FILES:
        raise Invalid(f"the repository has {len(names)} files, at most {_MOST_FILES} are looked at")
    pickles = [name for name in names if name.endswith(_PICKLES)]
    safe = [name for name in names if name.endswith((".safetensors", ".gguf"))]
    if not safe and pickles:
        raise Unsupported(
            f"the weights are {excerpt(pickles[0])}, a pickle, which can run code when it is read",
            hint="Choose a repository with safetensors or GGUF",
        )
    plain = [name for name in names if not name.endswith(_PICKLES)]
    chosen = without_company(choose_model_files(plain, _kind_of))
    if len(chosen) > 1 and all(name.endswith(".gguf") for name in chosen):
        hint = f"Name one as the tag, for example :{chosen[0]}"
        raise Invalid(f"the repository has {len(chosen)} GGUF files", field="model", hint=hint)
    return chosen


def _kind_of(name: str) -> Kind:
    return "binary" if name.endswith((".gguf", ".safetensors")) else "text"


def _refuse_code(name: str, path: Path) -> None:
    """Raise Unsupported for a model that brings code of its own."""
    try:
        with path.open("rb") as file:
            tree = json.loads(file.read(16 * 1024 * 1024))
    except (ValueError, RecursionError):
        return
    if isinstance(tree, dict) and tree.get("auto_map"):
        raise Unsupported(
            f'{name} has "auto_map": the model brings code of its own, which is never run',
            hint="Choose a model that transformers knows by itself",
        )


def _tell(**said: object) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
