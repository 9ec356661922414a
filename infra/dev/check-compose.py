#!/usr/bin/env python3
"""Checks what a compose parser cannot know. Reads the resolved file on standard input, prints every fault, exits with 1 if any."""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKERS = [f"{file.parent.name}-worker" for file in sorted(ROOT.glob("infra/capabilities/*/capability.json"))]
WITH_DATABASE = ["decomposer", "escalator", "aggregator"]
SERVICES = WITH_DATABASE + WORKERS
JOBS = ["migrate", "topics", "catalog", "principals", "signing-key"]
# Resident size in MB after a complete load run: Tests/Benchmarks/README.md.
RESIDENT = {"aggregator": 30, "decomposer": 43, "escalator": 64, **dict.fromkeys(WORKERS, 39)}


def megabytes(size):
    number, unit = re.fullmatch(r"(\d+)([kmg]?)b?", str(size).lower()).groups()
    return int(number) * {"": 1e-6, "k": 1e-3, "m": 1, "g": 1e3}[unit]


PRINCIPALS = SERVICES + ["operator", "integrator"]
# The only writers of the topics that every process obeys.
OBEYED = {
    "winnow.certificates.v1": ["aggregator"],
    "winnow.cancellations.v1": ["aggregator"],
    "winnow.controls.v1": ["operator"],
    "winnow.heartbeats.v1": SERVICES,
}


def security_faults(compose, rights, topics, readme):
    """Faults in the rights in Kafka, and in the authentication of clients."""
    services = compose["services"]
    kafka = services["kafka"]["environment"]
    if kafka.get("KAFKA_AUTHORIZER_CLASS_NAME") != "org.apache.kafka.metadata.authorizer.StandardAuthorizer":
        yield "kafka: no authorizer"
    if str(kafka.get("KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND")).lower() != "false":
        yield "kafka: resources without a rule are open to everybody"
    protocols = dict(pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    for listener in kafka["KAFKA_LISTENERS"].split(","):
        name, address = listener.split("://")
        if not address.startswith("localhost:") and not protocols[name].startswith("SASL_"):
            yield f"kafka: the listener {name} does not authenticate clients"
    for name in SERVICES + ["topics", "winnow"]:
        environment = services[name]["environment"]
        principal = name if name in SERVICES else "operator"
        if environment.get("KAFKA_CONF_SASL_USERNAME") != principal:
            yield f"{name}: does not log in to Kafka as {principal}"
        if environment.get("KAFKA_CONF_SASL_MECHANISM") != "SCRAM-SHA-256" or not str(environment.get("KAFKA_CONF_SECURITY_PROTOCOL")).startswith("SASL_"):
            yield f"{name}: does not authenticate to Kafka"
        if environment.get("KAFKA_CONF_SASL_PASSWORD") != services["principals"]["environment"].get(f"{principal.upper().replace('-', '_')}_KAFKA_PASSWORD"):
            yield f"{name}: its password differs from the one of {principal}"
        if environment.get("WINNOW_SIGNING_KEY_FILE") != "/keys/signing":
            yield f"{name}: has no signing key"
    if {right[0] for right in rights} != set(PRINCIPALS):
        yield f"rights.txt: names {sorted({right[0] for right in rights} ^ set(PRINCIPALS))} and not others"

    def holders(operation, topic):
        return {
            right[0] for right in rights
            if right[1] == operation and right[2] == "topic" and (topic == right[4] if right[3] == "literal" else topic.startswith(right[4]))
        }

    for topic in topics:
        if not holders("Write", topic):
            yield f"rights.txt: nobody may write {topic}"
        if not holders("Read", topic):
            yield f"rights.txt: nobody may read {topic}"
    for topic, allowed in OBEYED.items():
        if holders("Write", topic) != set(allowed):
            yield f"rights.txt: {topic} may be written by {sorted(holders('Write', topic))}, but must be for {allowed}"
    for right in rights:
        principal, name = right[0], f"{right[4]}{'*' if right[3] == 'prefixed' else ''}"
        if principal in WORKERS:
            # The page has one row for all workers.
            capability = principal.removesuffix("-worker")
            principal, name = "<capability>-worker", name.replace(capability, "<capability>")
        row = next((line for line in readme if line.startswith(f"| `{principal}` | {right[1]} |")), "")
        if f"`{name}`" not in row:
            yield f"infra/kafka/README.md: does not list {' '.join(right)}"


def faults(compose, source, dockerfile, prometheus):
    services = compose["services"]
    for name in SERVICES + JOBS + ["kafka", "postgres", "prometheus"]:
        if name not in services:
            yield f"{name} is missing"
    if re.search(r"^version:", source, re.M):
        yield "the file has a version: key"
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
                yield f"{name}: waits for the health of {dependency}, which has no health check"
            if wish["condition"] == "service_completed_successfully" and services[dependency]["restart"] != "no":
                yield f"{name}: waits for the end of {dependency}, which is restarted"
    for name in SERVICES:
        service = services.get(name, {})
        program = "capability-worker" if name in WORKERS else name
        if service.get("command") != [program]:
            yield f"{name}: runs {service.get('command')}"
        if name in WORKERS and service["environment"].get("WINNOW_CAPABILITY") != name.removesuffix("-worker"):
            yield f"{name}: serves {service['environment'].get('WINNOW_CAPABILITY')}"
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
            yield f"{name}: starts before its topics exist"
        if not re.search(rf"\b{program}\b", dockerfile.replace("\\\n", " ")):
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
            yield "the file itself contains a password"


def kubernetes_faults(manifests, settings, rights, topics):
    """Faults in the manifests: services, topics and names that do not exist."""
    found = {(manifest["kind"], manifest["metadata"]["name"]): manifest["spec"] for manifest in manifests}
    if set(found) != {(kind, name) for kind in ("Deployment", "ScaledObject") for name in SERVICES}:
        yield "infra/kubernetes/winnow.yaml: does not have exactly one Deployment and one ScaledObject for each service"
        return
    known = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in settings}
    for name in SERVICES:
        container = found["Deployment", name]["template"]["spec"]["containers"][0]
        if container["args"] != ["capability-worker" if name in WORKERS else name]:
            yield f"infra/kubernetes/winnow.yaml: {name} runs {container['args']}"
        variables = {variable["name"]: variable["value"] for variable in container.get("env", [])}
        if name in WORKERS and variables.get("WINNOW_CAPABILITY") != name.removesuffix("-worker"):
            yield f"infra/kubernetes/winnow.yaml: {name} serves {variables.get('WINNOW_CAPABILITY')}"
        if (container["livenessProbe"]["httpGet"]["path"], container["readinessProbe"]["httpGet"]["path"]) != ("/livez", "/readyz"):
            yield f"infra/kubernetes/winnow.yaml: {name} is probed elsewhere"
        maps = [source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source]
        if ("winnow-postgres" in maps) != (name in WITH_DATABASE):
            yield f"infra/kubernetes/winnow.yaml: {name}: only {', '.join(WITH_DATABASE)} may reach the database"
        for map_name in maps:
            if ("ConfigMap", map_name) not in known:
                yield f"infra/kubernetes/winnow.yaml: {name} uses the map {map_name}, which settings.yaml lacks"
        scaled = found["ScaledObject", name]
        if scaled["maxReplicaCount"] > max(topics.get(trigger["metadata"]["topic"], 0) for trigger in scaled["triggers"]):
            yield f"infra/kubernetes/winnow.yaml: {name} can have more replicas than its topics have partitions"
        for trigger in scaled["triggers"]:
            topic, group = trigger["metadata"]["topic"], trigger["metadata"]["consumerGroup"]
            if (name, "Read", "topic", "literal", topic) not in rights or (name, "Read", "group", "literal", group) not in rights:
                yield f"infra/kubernetes/winnow.yaml: {name} follows {topic} of {group}, which it may not read"
            if ("TriggerAuthentication", trigger["authenticationRef"]["name"]) not in known:
                yield f"infra/kubernetes/winnow.yaml: {name} uses a login of KEDA that settings.yaml lacks"


def rule_faults(rules):
    """Faults in the rules. An alert on a metric that no code exports would never fire."""
    code = "\n".join(path.read_text() for folder in ("Shared", "Services") for path in pathlib.Path(folder).rglob("*.swift"))
    recorded = {rule.get("record") for group in rules["groups"] for rule in group["rules"]}
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        name = rule.get("record") or rule["alert"]
        for metric in re.findall(r"\bwinnow[a-z_:0-9]+", re.sub(r"\{[^}]*\}", "", rule["expr"])):
            base = re.sub(r"_(bucket|sum|count)$", "", metric)
            if metric not in recorded and f'"{base}"' not in code:
                yield f"infra/prometheus/rules.yml: {name} uses {metric}, which no service exports"
        if "alert" in rule and not {"summary", "action"} <= set(rule["annotations"]):
            yield f"infra/prometheus/rules.yml: {name} does not say what is wrong and what to do"


def main():
    with open("docker-compose.yml", encoding="utf-8") as file:
        source = file.read()
    with open("infra/docker/Dockerfile", encoding="utf-8") as file:
        dockerfile = file.read()
    with open("infra/prometheus/prometheus.yml", encoding="utf-8") as file:
        prometheus = yaml.safe_load(file)
    with open("infra/kafka/rights.txt", encoding="utf-8") as file:
        rights = [tuple(line.split()) for line in file if not line.startswith("#")]
    with open("infra/kafka/topics.json", encoding="utf-8") as file:
        topics = {topic["name"]: topic["partitions"] for topic in json.load(file)["topics"]}
    with open("infra/kafka/README.md", encoding="utf-8") as file:
        readme = file.read().splitlines()
    with open("infra/prometheus/rules.yml", encoding="utf-8") as file:
        rules = yaml.safe_load(file)
    with open("infra/kubernetes/winnow.yaml", encoding="utf-8") as file:
        manifests = list(filter(None, yaml.safe_load_all(file)))
    with open("infra/kubernetes/settings.yaml", encoding="utf-8") as file:
        settings = list(yaml.safe_load_all(file))
    compose = yaml.safe_load(sys.stdin)
    found = [
        *faults(compose, source, dockerfile, prometheus), *security_faults(compose, rights, topics, readme),
        *kubernetes_faults(manifests, settings, rights, topics), *rule_faults(rules),
    ]
    for fault in found:
        print(f"check-compose: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
