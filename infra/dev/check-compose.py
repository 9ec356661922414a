#!/usr/bin/env python3
"""What a compose parser cannot know: reads the resolved file on standard input, names every fault, exits 1 if any."""

import re
import sys

import yaml

WORKERS = [f"{name}-worker" for name in ("semantic-understanding", "software-development", "legal-services", "security-services")]
WITH_DATABASE = ["decomposer", "escalator", "aggregator"]
SERVICES = WITH_DATABASE + WORKERS
JOBS = ["migrate", "topics"]
# Resident after a whole load run, in MB: Tests/Benchmarks/README.md.
RESIDENT = {"aggregator": 30, "decomposer": 43, "escalator": 64, **dict.fromkeys(WORKERS, 39)}


def megabytes(size):
    number, unit = re.fullmatch(r"(\d+)([kmg]?)b?", str(size).lower()).groups()
    return int(number) * {"": 1e-6, "k": 1e-3, "m": 1, "g": 1e3}[unit]


def faults(compose, source, dockerfile, prometheus):
    services = compose["services"]
    for name in SERVICES + JOBS + ["kafka", "postgres", "prometheus"]:
        if name not in services:
            yield f"{name} is missing"
    if re.search(r"^version:", source, re.M):
        yield "a version: key stands in the file"
    for name, service in services.items():
        if "mem_limit" not in service:
            yield f"{name}: has no memory limit"
        elif megabytes(service["mem_limit"]) < 2 * RESIDENT.get(name, 0):
            yield f"{name}: its memory limit leaves no room above the {RESIDENT[name]} MB that were measured"
        if "container_name" in service:
            yield f"{name}: a fixed container_name cannot be scaled"
        if re.search(r":latest$|^[^:]+$", service.get("image", "")):
            yield f"{name}: the image has no pinned version"
        for dependency, wish in service.get("depends_on", {}).items():
            if wish["condition"] == "service_healthy" and "test" not in services[dependency].get("healthcheck", {}):
                yield f"{name}: waits for the health of {dependency}, which has no check"
            if wish["condition"] == "service_completed_successfully" and services[dependency]["restart"] != "no":
                yield f"{name}: waits for the end of {dependency}, which is started again"
    for name in SERVICES:
        service = services.get(name, {})
        if service.get("command") != [name]:
            yield f"{name}: runs {service.get('command')}"
        if service.get("ports"):
            yield f"{name}: a host port cannot be scaled"
        if not any("/readyz" in part for part in service.get("healthcheck", {}).get("test", [])):
            yield f"{name}: its health is not /readyz"
        environment = service.get("environment", {})
        if environment.get("KAFKA_BOOTSTRAP_SERVERS") != "kafka:9092":
            yield f"{name}: no broker"
        if (name in WITH_DATABASE) != ("PGPASSWORD" in environment):
            yield f"{name}: only {', '.join(WITH_DATABASE)} may reach the database"
        if environment.get("PGUSER", name) != name:
            yield f"{name}: logs in as {environment['PGUSER']}"
        if "topics" not in service.get("depends_on", {}):
            yield f"{name}: starts before its topics are there"
        if not re.search(rf"\b{name}\b", dockerfile.replace("\\\n", " ")):
            yield f"{name}: is not in the image"
        if name not in prometheus["scrape_configs"][0]["dns_sd_configs"][0]["names"]:
            yield f"{name}: is not scraped"
    for name, service in services.items():
        if service.get("environment", {}).get("PGUSER") == "winnow" and name != "migrate":
            yield f"{name}: logs in as the owner of the schema"
    for volume in (mount for service in services.values() for mount in service.get("volumes", [])):
        named = re.match(r"([a-z][\w-]*):", volume if isinstance(volume, str) else f"{volume.get('source')}:")
        if named and named[1] not in compose.get("volumes", {}):
            yield f"the volume {named[1]} is not declared"
    passwords = [value for service in services.values() for key, value in service.get("environment", {}).items() if key.endswith("PASSWORD")]
    for password in passwords:
        if not str(password).startswith("change-me-"):
            yield "a password stands in the file itself"


def main():
    with open("docker-compose.yml", encoding="utf-8") as file:
        source = file.read()
    with open("infra/docker/Dockerfile", encoding="utf-8") as file:
        dockerfile = file.read()
    with open("infra/prometheus/prometheus.yml", encoding="utf-8") as file:
        prometheus = yaml.safe_load(file)
    found = list(faults(yaml.safe_load(sys.stdin), source, dockerfile, prometheus))
    for fault in found:
        print(f"check-compose: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
