#!/usr/bin/python3
"""Prints the environment or command of a service in docker-compose.yml, to run it on this machine without a container engine.

compose-env.py SERVICE [--map HOST:PORT=HOST:PORT]... [--path THERE=HERE]... [--http-port PORT] [--without-sasl]
               [--command | --health]

The environment combines those of the image and the file, as KEY=value lines. `--map` replaces a host of the compose network, and
`--path` replaces the path of a file. Paths in the image become paths in the repository. `--without-sasl` omits the service's Kafka
credentials, because the embedded broker does not use them. `--command` prints the command instead, one word on each line, and
`--health` prints the health check. Variables of the file come from the environment, then from .env.example.
"""

import argparse
import os
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
IN_IMAGE = {
    "/opt/winnow/models": ROOT / "infra/models",
    "/opt/winnow/capabilities": ROOT / "infra/capabilities",
    "/opt/winnow/topics.json": ROOT / "infra/kafka/topics.json",
}


def image_environment():
    text = (ROOT / "infra/docker/Dockerfile").read_text().replace("\\\n", " ")
    final = text[text.rindex("\nFROM ") :]
    return dict(pair.split("=", 1) for line in re.findall(r"^ENV (.*)$", final, re.M) for pair in line.split())


def interpolate(value, variables):
    def replace(match):
        found = variables.get(match[1], "")
        if not found and match[2] == "?":
            raise SystemExit(f"compose-env: {match[1]}: {match[3]}")
        return found or (match[3] if match[2] == "-" else "")

    return re.sub(r"\$\{(\w+):?([-?])?([^}]*)\}", replace, str(value))


def mapped(environment, places, paths):
    for there, here in places.items():
        (host, port), (new_host, new_port) = there.rsplit(":", 1), here.rsplit(":", 1)
        if environment.get("PGHOST") == host and environment.get("PGPORT") == port:
            environment.update(PGHOST=new_host, PGPORT=new_port)
        environment = {key: value.replace(there, here) for key, value in environment.items()}
    for there, here in {**IN_IMAGE, **paths}.items():
        environment = {key: value.replace(there, str(here)) for key, value in environment.items()}
    return environment


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service")
    parser.add_argument("--map", action="append", default=[], metavar="HOST:PORT=HOST:PORT")
    parser.add_argument("--path", action="append", default=[], metavar="THERE=HERE")
    parser.add_argument("--http-port")
    parser.add_argument("--without-sasl", action="store_true")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--command", action="store_true")
    what.add_argument("--health", action="store_true")
    given = parser.parse_args()

    example = dict(line.split("=", 1) for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"\w+=", line))
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][given.service]
    environment = {**image_environment(), **service.get("environment", {})}
    environment = {key: interpolate(value, {**example, **os.environ}) for key, value in environment.items()}
    places, paths = (dict(pair.split("=", 1) for pair in pairs) for pairs in (given.map, given.path))
    environment = mapped(environment, places, paths)
    if given.without_sasl:
        environment = {key: value for key, value in environment.items() if not re.match(r"KAFKA_CONF_(SASL_|SECURITY_PROTOCOL)", key)}
    port = environment["WINNOW_HTTP_PORT"]
    if given.http_port:
        environment["WINNOW_HTTP_PORT"] = given.http_port
    if given.command:
        print("\n".join(service["command"]))
    elif given.health:
        words = service["healthcheck"]["test"][1:]
        print("\n".join(word.replace(f":{port}/", f":{environment['WINNOW_HTTP_PORT']}/") for word in words))
    else:
        print("\n".join(f"{key}={value}" for key, value in sorted(environment.items())))


if __name__ == "__main__":
    main()
