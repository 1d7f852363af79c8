"""Generates regdex/v1 from protos/; with `--check`, only checks that regdex/v1 is up to date."""

import filecmp
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent
STUBS = ROOT.parent / "regdex" / "v1"


def generate(target: Path) -> None:
    """Write the generated code below `target`. Exit with an error if protoc fails."""
    protos = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("regdex/v1/*.proto"))
    includes = str(Path(protoc.__file__).parent / "_proto")
    arguments = [
        f"-I{ROOT}",
        f"-I{includes}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"--grpc_python_out={target}",
    ]
    if protoc.main(["protoc", *arguments, *protos]) != 0:
        sys.exit("protoc failed")


def main() -> None:
    if "--check" not in sys.argv:
        generate(ROOT.parent)
        return
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = Path(directory) / "regdex" / "v1"
        names = sorted({path.name for folder in (fresh, STUBS) for path in folder.glob("*_pb2*")})
        drifted = [
            n
            for n in names
            if not (fresh / n).exists()
            or not (STUBS / n).exists()
            or not filecmp.cmp(fresh / n, STUBS / n, shallow=False)
        ]
    if drifted:
        sys.exit("regdex/v1 differs from protos/, run `make protos`: " + ", ".join(drifted))


if __name__ == "__main__":
    main()
