#!/usr/bin/env python3
"""Checks that the image can be built, on a machine without a container engine or an image registry.

check-image.py            checks that the build context has every file that the Dockerfile names, and that the manifest resolves
check-image.py --packages prints name, version and architecture of the image's Debian packages: those that it installs, their
                          dependencies, and the packages of every Debian system
check-image.py --build    also runs the Dockerfile's build commands on a copy of the context, and checks the result

buildah unpacks the context with the same ignore file as a container engine. This needs no base images. Debian packages are not
installed, but compared with infra/dev/packages.txt.
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "infra/docker/Dockerfile"


def instructions():
    """The Dockerfile as (stage, keyword, rest), one for each instruction."""
    # A builder drops lines of comments first, also indented ones between the lines of an instruction.
    text = re.sub(r"^[ \t]*#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    stage = -1
    for line in filter(None, map(str.strip, text.splitlines())):
        keyword, rest = line.split(None, 1)
        stage += keyword == "FROM"
        yield stage, keyword, rest


def apt_packages(stage):
    runs = " ".join(rest for number, keyword, rest in instructions() if number == stage and keyword == "RUN")
    listed = re.search(r"apt-get install((?: +-\S+)*)((?: +[a-z0-9][a-z0-9.+-]*)+)", runs)
    return set(listed[2].split())


def build_commands():
    """The build commands of the first stage: the RUN instructions after its COPY."""
    stage = [(keyword, rest) for number, keyword, rest in instructions() if number == 0]
    sources = [keyword for keyword, _ in stage].index("COPY")
    return [re.sub(r"--mount=\S+ +", "", rest) for keyword, rest in stage[sources:] if keyword == "RUN"]


def unpack_context(work):
    """Unpacks the context to work/source and runs each COPY from it. A missing source is an error."""
    kept = [
        f"{keyword} {re.sub('^[^ ]+', 'scratch', rest) if keyword == 'FROM' else rest}"
        for _, keyword, rest in instructions()
        if keyword in ("FROM", "WORKDIR") or keyword == "COPY" and "--from=" not in rest
    ]
    derived = work / "Dockerfile"
    derived.write_text("\n".join(kept) + "\n")
    buildah = ["buildah", "--root", work / "images", "--runroot", work / "run", "--storage-driver", "vfs"]
    if os.geteuid() != 0:
        buildah = ["sudo", *buildah]

    def run(*arguments):
        done = subprocess.run([*map(str, buildah), *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"check-image: {done.stderr.strip()}")
        return done.stdout.strip()

    build = ["bud", "--quiet", "--isolation", "chroot", "--file", derived, "--ignorefile", f"{DOCKERFILE}.dockerignore"]
    run(*build, ROOT)
    image = run(*build, "--target", "build", ROOT)
    container = run("from", image)
    source = next(rest for stage, keyword, rest in instructions() if stage == 0 and keyword == "WORKDIR")
    subprocess.run(["cp", "-a", run("mount", container) + source, work / "source"], check=True)
    run("rm", container)


def context_faults(source):
    tracked = set(subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n"))
    for command in build_commands():
        for word in shlex.split(command):
            if word in tracked and not (source / word).is_file():
                yield f"the image's build runs {word}, which {DOCKERFILE.name}.dockerignore excludes from the context"
        parsed = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True)
        if parsed.returncode != 0:
            yield f"a build command of the image is no shell command: {parsed.stderr.strip()}"
    described = subprocess.run(
        ["swift", "package", "--scratch-path", source.parent / "described", "describe", "--type", "json"],
        cwd=source, capture_output=True, text=True)
    if described.returncode != 0:
        yield f"the package does not resolve in the context: {described.stderr.strip()}"
    listed = set(re.findall(r"^(\S+-dev|pkg-config)$", (ROOT / "infra/dev/packages.txt").read_text(), re.M))
    for package in sorted(listed ^ apt_packages(0)):
        yield f"{package} is in only one of {DOCKERFILE.name} and infra/dev/packages.txt"


def build(work):
    """Runs the build stage's commands on the copy of the context. Their absolute paths become folders of `work`."""
    for command in build_commands():
        local = command.replace("/staged", str(work / "staged"))
        done = subprocess.run(["sh", "-c", local], cwd=work / "source", env={**os.environ, "TMPDIR": str(work)})
        if done.returncode != 0:
            raise SystemExit(f"check-image: the image's build ended with {done.returncode}")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def installed_with(packages):
    """The packages, their dependencies, and the packages of every Debian system."""
    essential = output("dpkg-query", "-W", "-f=${Package} ${Essential} ${Priority}\n")
    base = [line.split()[0] for line in essential.splitlines() if line.split()[1:2] == ["yes"] or line.endswith(" required")]
    text = output(
        "apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces",
        "--no-enhances", *sorted(packages), *base)
    # Names in angle brackets are virtual packages.
    return {line.strip() for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


def print_packages():
    """Prints the packages. Of alternative dependencies it prints those that this machine has."""
    here = set(output("dpkg-query", "-W", "-f=${Package}\n").split())
    packages = installed_with(apt_packages(1)) & (here | apt_packages(1))
    text = output("apt-cache", "show", "--no-all-versions", *sorted(packages))
    for paragraph in text.strip().split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", paragraph, re.M))
        print(fields["Package"], fields["Version"], fields["Architecture"])


def package_of(path):
    """Debian 12 merges /lib into /usr/lib, but its packages may list a file under either path."""
    found = subprocess.run(["dpkg-query", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True).stdout
    return found.split(":")[0]


def executable_faults(work):
    wanted = set(re.search(r"for name in (.*?);", build_commands()[-1])[1].split())
    for file in ROOT.glob("infra/capabilities/*/capability.json"):
        target = file.parent.name.title().replace("-", "") + "Worker"
        if (ROOT / "Services/Workers" / target).is_dir():
            wanted.add(f"{file.parent.name}-worker")
    staged = {path.name: path for path in (work / "staged/bin").iterdir()}
    for name in sorted(wanted ^ set(staged)):
        yield f"{name} is not in the image"
    installed = installed_with(apt_packages(1))
    for name, path in sorted(staged.items()):
        for library in re.findall(r"^\s*(\S+) => (.*?)(?: \(0x.*)?$", output("ldd", str(path)), re.M):
            if library[1] == "not found":
                yield f"{name} needs {library[0]}, which is not found"
                continue
            owner = package_of(os.path.realpath(library[1]))
            if owner not in installed:
                yield f"{name} needs {library[0]} of the package {owner}, which the image does not install"
    if subprocess.run([staged["winnow"], "help"], env={}, stdout=subprocess.DEVNULL).returncode != 0:
        yield "winnow help fails"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--packages", action="store_true")
    given = parser.parse_args()
    if given.packages:
        print_packages()
        return 0
    subprocess.run([ROOT / "infra/dev/install-packages.sh", ROOT / "infra/dev/packages-lint.txt"], check=True)
    with tempfile.TemporaryDirectory(prefix="winnow-image.", dir="/var/tmp") as folder:
        work = pathlib.Path(folder)
        unpack_context(work)
        found = list(context_faults(work / "source"))
        if given.build and not found:
            build(work)
            found = list(executable_faults(work))
        if os.geteuid() != 0:
            subprocess.run(["sudo", "rm", "-rf", work / "images", work / "run"], check=True)
    for fault in found:
        print(f"check-image: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
