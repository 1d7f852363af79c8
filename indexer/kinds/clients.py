"""Classifies requests by user agent: pulls by clients, and requests by scanners, replications or Regdex itself."""

import re
from enum import IntEnum


class ClientClass(IntEnum):
    """The class of a client, as in the column `client.class`. Each class is counted separately."""

    CLIENT = 1
    REPLICATION = 2
    SCANNER = 3
    REGDEX = 4


# Only product names in user agents. People pull with skopeo, crane and similar tools, so these are not listed.
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
    """Return the class for a user agent; an unknown one is a client."""
    if user_agent.startswith("regdex/"):
        return ClientClass.REGDEX
    if _is_scanner(user_agent):
        return ClientClass.SCANNER
    if _is_replication(user_agent):
        return ClientClass.REPLICATION
    return ClientClass.CLIENT
