"""The repositories that the demo starts with: those of a company with several teams, some described in Chinese."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from cli.demo.content import Content
from cli.demo.images import Document, Layer, Platform, make_image, make_index, make_layer, make_referrer

AMD64, ARM64, ARMV7 = Platform("amd64"), Platform("arm64"), Platform("arm", variant="v7")
BOTH = (AMD64, ARM64)
BEGINNING = datetime(2026, 6, 1, 9, tzinfo=UTC)
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
SBOM = "application/spdx+json"


@dataclass(frozen=True, slots=True)
class Service:
    """One repository. `popularity` is its weight in pulls; `docker` selects Docker's media types."""

    name: str
    description: str
    runtime: str
    version: str
    popularity: int = 4
    platforms: tuple[Platform, ...] = BOTH
    docker: bool = False
    signed: bool = False
    releases: int = 4

    @property
    def team(self) -> str:
        return self.name.partition("/")[0] if "/" in self.name else "platform"


SERVICES = (
    Service("payments/payment-gateway", "支付网关", "java", "3.8.0", 60, signed=True, releases=8),
    Service("payments/ledger", "Double-entry ledger of all accounts", "go", "2.14.2", 22, signed=True),
    Service("payments/risk-engine", "风控引擎:实时反欺诈规则与评分", "python", "1.9.4", 14),
    Service("payments/refund-worker", "退款任务处理", "java", "1.2.7", 5),
    Service("payments/settlement-batch", "Nightly settlement with the acquiring banks", "java", "4.0.1", 2),
    Service("payments/invoice-renderer", "电子发票生成服务", "node", "0.9.3", 4),
    Service("orders/order-api", "订单中心接口", "go", "5.3.0", 48, releases=8),
    Service("orders/order-worker", "Asynchronous steps of an order", "go", "5.3.0", 20),
    Service("orders/cart", "购物车服务", "node", "2.1.5", 18),
    Service("orders/inventory", "库存管理", "java", "3.3.3", 16),
    Service("orders/promotion-engine", "Coupons, bundles and flash sales", "java", "2.7.0", 9),
    Service("users/user-center", "用户中心:注册、登录与资料", "java", "6.1.2", 40, signed=True),
    Service("users/sso-proxy", "OpenID Connect proxy in front of internal tools", "go", "1.5.0", 30),
    Service("users/captcha", "图形验证码", "python", "0.8.1", 7),
    Service("users/notification-hub", "短信、邮件与推送通知", "node", "2.2.0", 12),
    Service("search/query-api", "Product search, typo tolerant", "rust", "1.12.0", 26, releases=6),
    Service("search/indexer", "商品搜索索引构建", "rust", "1.12.0", 6),
    Service("search/embedding-server", "Text embeddings for semantic search", "cuda", "0.4.2", 5, (AMD64,)),
    Service("ml/recommender", "个性化推荐", "cuda", "2.0.0-rc.1", 8, (AMD64,)),
    Service("ml/jupyter", "Notebooks for data scientists", "python", "2026.10.1", 6, docker=True),
    Service("ml/feature-store", "特征平台", "java", "1.1.0", 4),
    Service("data/etl/clickstream", "点击流数据清洗", "python", "3.0.2", 5),
    Service("data/etl/warehouse-loader", "Loads facts into the warehouse every hour", "python", "2.6.1", 4),
    Service("data/airflow", "Airflow with our operators", "python", "2.10.3", 7, docker=True),
    Service("data/report-portal", "经营报表门户", "node", "1.4.4", 6),
    Service("web/storefront", "商城前端", "node", "12.4.0", 44, releases=8),
    Service("web/admin-console", "运营后台", "node", "7.0.3", 9),
    Service("web/image-proxy", "Resizes and caches product pictures", "rust", "0.6.0", 24),
    Service("mobile/bff", "Backend for the mobile apps", "node", "4.9.1", 28),
    Service("mobile/push-relay", "Relays push messages to vendors", "go", "1.0.9", 8),
    Service("infra/ci-runner", "Runner of build jobs", "go", "17.5.0", 35, docker=True),
    Service("infra/backup-agent", "数据库备份代理", "go", "0.11.0", 10, (AMD64, ARM64, ARMV7)),
    Service("infra/log-shipper", "日志采集", "rust", "3.2.1", 33, (AMD64, ARM64, ARMV7)),
    Service("infra/edge-nginx", "nginx with our modules and certificates", "nginx", "1.27.3", 38, releases=6),
    Service("platform/base/java", "Java 基础镜像", "java", "21.0.5", 15, signed=True, releases=3),
    Service("platform/base/python", "Python 基础镜像", "python", "3.13.1", 17, signed=True, releases=3),
    Service("platform/base/node", "Node.js base image", "node", "22.11.0", 13, releases=3),
    Service("platform/helm-tools", "kubectl, helm and friends for pipelines", "go", "1.31.2", 11),
    Service("toolbox", "Everything an engineer needs on call", "python", "2026.11", 3, docker=True, releases=2),
    Service("hello-world", "Says hello", "go", "1.0.0", 2, (AMD64, ARM64, ARMV7), releases=1),
)

_RUNTIMES = {
    "java": ("opt/java/openjdk/lib/modules", 24_000, "COPY --from=jre-build /javaruntime /opt/java # buildkit"),
    "go": ("usr/share/zoneinfo/tzdata.zi", 3_000, "COPY /usr/share/zoneinfo /usr/share/zoneinfo # buildkit"),
    "python": ("usr/local/lib/python3.13/lib.zip", 16_000, "RUN /bin/sh -c make install # Python 3.13.1"),
    "node": ("usr/local/bin/node", 20_000, "RUN /bin/sh -c tar -xJf node-v22.11.0.tar.xz # buildkit"),
    "rust": ("etc/ssl/certs/ca-certificates.crt", 2_000, "COPY ca-certificates.crt /etc/ssl/certs/ # buildkit"),
    "cuda": ("usr/local/cuda/lib64/libcudart.so.12", 32_000, "RUN /bin/sh -c apt-get install -y cuda-cudart-12-4"),
    "nginx": ("usr/sbin/nginx", 6_000, "RUN /bin/sh -c apk add nginx=1.27.3-r1"),
}


def make_catalog(seed: int) -> Content:
    """Make releases of each service, moving tags, signatures and SBOMs; the same content for the same seed."""
    chance = random.Random(seed)  # noqa: S311
    content = Content()
    for service in SERVICES:
        at = BEGINNING + timedelta(days=chance.uniform(0, 30))
        for version in _versions(service.version, service.releases):
            document = build(service, version, at)
            content.push(service.name, document, *moving_tags(service, version))
            if service.signed:
                _sign(content, service.name, document, at)
            at += timedelta(days=chance.uniform(3, 15), minutes=chance.uniform(0, 600))
        releases = [tag for tag in content.repositories[service.name].tags if tag.count(".") > 1]
        if len(releases) > 1:
            manifest = content.manifest(service.name, releases[-2])
            content.put_manifest(service.name, "production", manifest.media_type, manifest.body)
    return content


def build(service: Service, version: str, created: datetime) -> Document:
    """Build one release for all platforms of the service; a single platform gets no index."""
    labels = {
        "org.opencontainers.image.title": service.name.rpartition("/")[2],
        "org.opencontainers.image.description": service.description,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.source": f"https://git.example.com/{service.name}",
        "org.opencontainers.image.revision": random.Random(f"{service.name} {version} {created}").randbytes(20).hex(),  # noqa: S311
        "org.opencontainers.image.vendor": "Example 科技",
        "com.example.team": service.team,
    }
    annotations = {**labels, "org.opencontainers.image.created": created.strftime("%Y-%m-%dT%H:%M:%SZ")}
    images = [
        (
            platform,
            make_image(
                _layers(service, version, platform), platform, created=created, labels=labels, docker=service.docker
            ),
        )
        for platform in service.platforms
    ]
    if len(images) == 1:
        return images[0][1]
    return make_index(images, annotations=annotations, docker=service.docker)


def moving_tags(service: Service, version: str) -> tuple[str, ...]:
    """Return the tags of a release: its version, its minor version and `latest`; a candidate has its version only."""
    if "-" in version or version.count(".") < 2:
        return (version,)
    return (version, version.rpartition(".")[0], "latest")


def next_version(version: str, *, minor: bool) -> str:
    """Return the next version, `1.2.3` → `1.2.4` or `1.3.0`. A suffix after a dash is dropped."""
    parts = [int(part) for part in version.partition("-")[0].split(".")]
    if minor and len(parts) > 2:
        parts[-2:] = [parts[-2] + 1, 0]
    else:
        parts[-1] += 1
    return ".".join(map(str, parts))


def _versions(newest: str, count: int) -> list[str]:
    """Return up to `count` versions, oldest first, the last of which is `newest`."""
    major = newest.partition(".")[0]
    if newest.count(".") < 2 or count < 2:
        return [newest]
    middle = newest.split(".")[1]
    last = int(newest.split(".")[2].partition("-")[0])
    patches = [f"{major}.{middle}.{patch}" for patch in range(max(0, last - count + 2), last)]
    minor = int(middle)
    earlier = [
        f"{major}.{minor - 1 - step}.{step}" for step in range(count - 1 - len(patches)) if minor - 1 - step >= 0
    ]
    return [*reversed(earlier), *patches, newest]


def _layers(service: Service, version: str, platform: Platform) -> list[Layer]:
    """Make three layers: a distribution and a runtime, which many images share, and the service itself."""
    suffix = f"{platform.architecture}{platform.variant}"
    path, size, command = _RUNTIMES[service.runtime]
    size_of_app = 1_000 + len(service.name) * 40
    return [
        make_layer(f"debian-12/{suffix}/base.tar", 12_000, "# debian.sh --arch amd64 out/ 'bookworm' '@1730678400'"),
        make_layer(f"{path}.{suffix}", size, command),
        make_layer(f"app/{service.name}/{version}.{suffix}", size_of_app, "COPY /src/build /app # buildkit"),
    ]


def _sign(content: Content, name: str, document: Document, at: datetime) -> None:
    """Push a signature and an SBOM that refer to the release."""
    payload = orjson.dumps(
        {
            "critical": {
                "identity": {"docker-reference": name},
                "image": {"docker-manifest-digest": document.digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    )
    sbom = orjson.dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": name,
            "documentNamespace": f"https://sbom.example.com/{name}/{document.digest}",
            "packages": [{"SPDXID": "SPDXRef-base", "name": "debian", "versionInfo": "12.8"}],
        }
    )
    signature = make_referrer(document, SIGNATURE, "application/vnd.dev.cosign.simplesigning.v1+json", payload, at)
    content.push(name, signature)
    content.push(name, make_referrer(document, SBOM, SBOM, sbom, at + timedelta(seconds=40)))
