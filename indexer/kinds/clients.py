"""Which requests are a person's or a machine's pull, and which are a scanner's, a replication's or our own."""

import re
from enum import IntEnum


class ClientClass(IntEnum):
    """The numbers are those of the column `client.class`. They are counted apart, never mixed."""

    CLIENT = 1
    REPLICATION = 2
    SCANNER = 3
    REGDEX = 4


# Only names that products give themselves in their user agents; skopeo, crane and the like are what people pull with.
_is_scanner = re.compile(
    r"\b(?:trivy|clair(?:core)?|quay-claircore|grype|syft|anchore|snyk|aquasec|scannercli|neuvector|twistlock|prisma-cloud"
    r"|docker-scout|xray|blackduck|sysdig|stackrox|wiz)\b",
    re.IGNORECASE,
).search
_is_replication = re.compile(
    r"^harbor-registry-client\b|^registry-proxy\b|^distribution/|\bgoharbor\b|^zot\b|^dragonfly\b|^kraken\b",
    re.IGNORECASE,
).search


def classify_user_agent(user_agent: str) -> ClientClass:
    """The class of whoever names itself so; whoever says nothing known is a client."""
    if user_agent.startswith("regdex/"):
        return ClientClass.REGDEX
    if _is_scanner(user_agent):
        return ClientClass.SCANNER
    if _is_replication(user_agent):
        return ClientClass.REPLICATION
    return ClientClass.CLIENT
