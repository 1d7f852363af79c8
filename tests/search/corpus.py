"""A small catalog to search in, and queries with the repository that a person would expect first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from regdex.search import Document

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def document(id: int, repository: str, **fields: Any) -> Document:
    """A document with what follows from its name; `age` is days since the last push."""
    project = repository.partition("/")[0] if "/" in repository else ""
    fields.setdefault("pushed_at", NOW - timedelta(days=fields.pop("age", 30)))
    made = Document(
        id=id, registry="prod", repository=repository, project=project, project_id=sum(project.encode()), tag_count=1
    )
    return replace(made, **fields)


_FIELDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("payments/gateway", {"downloads_30d": 100}),
    ("payments/payment-gateway", {"downloads_30d": 900}),
    ("payments/payment-gateway-sidecar", {"downloads_30d": 50}),
    ("payments/ledger", {"downloads_30d": 20, "description": "Double-entry ledger behind the gateway"}),
    ("shop/checkout", {"downloads_30d": 700, "description": "支付网关服务,负责对接银行渠道"}),
    ("shop/cart", {"downloads_30d": 650}),
    ("shop/catalog-search", {"downloads_30d": 30}),
    ("platform/api-gateway", {"downloads_30d": 5000}),
    ("platform/identity-service", {"downloads_30d": 300}),
    ("platform/notification-service", {"downloads_30d": 250, "description": "Sends e-mail and push"}),
    ("platform/feature_flags", {"downloads_30d": 10}),
    ("platform/kubernetes-operator", {"downloads_30d": 80}),
    ("library/nginx", {"downloads_30d": 90000, "tags": ("1.25.3", "1.25", "latest")}),
    ("library/redis", {"downloads_30d": 80000, "tags": ("7.2.4-alpine",)}),
    ("library/postgres", {"downloads_30d": 85000}),
    ("library/python3.11", {"downloads_30d": 400}),
    ("library/python3.12", {"downloads_30d": 300}),
    ("library/node20", {"downloads_30d": 500}),
    ("library/node-18", {"downloads_30d": 450}),
    ("data/kafka-connect", {"downloads_30d": 60, "labels": ("team=streaming", "tier=gold")}),
    ("data/airflow-scheduler", {"downloads_30d": 70}),
    ("data/spark-history-server", {"downloads_30d": 15}),
    ("data/clickhouse", {"downloads_30d": 45}),
    ("ml/recommendation-engine", {"downloads_30d": 33, "description": "推荐引擎"}),
    ("ml/fraud-detection", {"downloads_30d": 44}),
    ("web/frontend", {"downloads_30d": 1000}),
    ("web/backend", {"downloads_30d": 1000, "age": 400}),
    ("web/front-end", {"downloads_30d": 5}),
    ("corp/payments/settlement", {"downloads_30d": 12}),
    ("corp/payments/settlement-batch", {"downloads_30d": 13}),
    ("grafana", {"downloads_30d": 77}),
    ("tools/grafana-agent", {"downloads_30d": 7000}),
    ("tools/cafe", {"description": "Café für Zürich"}),
    ("mirror/library/redis", {"registry": "edge", "project_id": 7, "downloads_30d": 3}),
)

CORPUS = tuple(document(number, name, **fields) for number, (name, fields) in enumerate(_FIELDS, start=1))

GOLDEN = (
    # names
    ("payments/payment-gateway", "payments/payment-gateway"),
    ("payments/gateway", "payments/gateway"),
    ("grafana", "grafana"),
    ("nginx", "library/nginx"),
    ("prod/payments/gateway", "payments/gateway"),
    ("edge/mirror/library/redis", "mirror/library/redis"),
    ("settlement", "corp/payments/settlement"),
    ("corp/payments/settlement", "corp/payments/settlement"),
    # last segments, beginnings
    ("gateway", "payments/gateway"),
    ("payment-gateway", "payments/payment-gateway"),
    ("payment gateway", "payments/payment-gateway"),
    ("payment-gat", "payments/payment-gateway"),
    ("kube", "platform/kubernetes-operator"),
    ("ngi", "library/nginx"),
    ("payments/led", "payments/ledger"),
    # typos
    ("paymnet-gateway", "payments/payment-gateway"),
    ("payment-gatway", "payments/payment-gateway"),
    ("paymnet gatway", "payments/payment-gateway"),
    ("ngnix", "library/nginx"),
    ("postgers", "library/postgres"),
    ("rediss", "library/redis"),
    ("kuberentes", "platform/kubernetes-operator"),
    ("kubernets-oprator", "platform/kubernetes-operator"),
    ("recomendation", "ml/recommendation-engine"),
    ("recomendaton", "ml/recommendation-engine"),
    ("clikhouse", "data/clickhouse"),
    ("fronted", "web/frontend"),
    # order of words, separators
    ("gateway payment", "payments/payment-gateway"),
    ("service identity", "platform/identity-service"),
    ("paymentgateway", "payments/payment-gateway"),
    ("paymentGateway", "payments/payment-gateway"),
    ("payment_gateway", "payments/payment-gateway"),
    ("featureflags", "platform/feature_flags"),
    ("click house", "data/clickhouse"),
    ("historyserver", "data/spark-history-server"),
    # digits and versions
    ("node 20", "library/node20"),
    ("node18", "library/node-18"),
    ("python 3.12", "library/python3.12"),
    ("python3.11", "library/python3.11"),
    ("nginx 1.25.3", "library/nginx"),
    ("1.25 nginx", "library/nginx"),
    # elsewhere
    ("streaming", "data/kafka-connect"),
    ("zurich", "tools/cafe"),
    ("CAFÉ", "tools/cafe"),
    # Chinese, and how it is typed
    ("支付", "shop/checkout"),
    ("支付网关", "shop/checkout"),
    ("网关", "shop/checkout"),
    ("zhifu", "shop/checkout"),
    ("zfwg", "shop/checkout"),
    ("wangguan", "shop/checkout"),
    ("推荐", "ml/recommendation-engine"),
    ("tuijian", "ml/recommendation-engine"),
    # inside of words
    ("ackend", "web/backend"),
    ("otificat", "platform/notification-service"),
)
