"""Realistic names from a seed: a skewed mix of teams, services, languages and versions, with Chinese descriptions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

from regdex.search import Document

TEAMS = [
    "payments",
    "checkout",
    "orders",
    "billing",
    "identity",
    "search",
    "catalog",
    "pricing",
    "shipping",
    "inventory",
    "risk",
    "fraud",
    "ledger",
    "accounts",
    "notifications",
    "messaging",
    "analytics",
    "growth",
    "marketing",
    "recommendations",
    "media",
    "video",
    "images",
    "maps",
    "rides",
    "delivery",
    "merchants",
    "partners",
    "support",
    "compliance",
    "security",
    "platform",
    "infra",
    "sre",
    "observability",
    "data-platform",
    "ml-platform",
    "warehouse",
    "streaming",
    "mobile",
    "web",
    "edge",
    "gateway",
    "devtools",
    "ci",
    "release",
    "qa",
    "sandbox",
    "research",
    "labs",
    "iot",
    "telemetry",
    "hr",
    "finance",
    "treasury",
    "tax",
    "legal",
    "loyalty",
    "rewards",
    "travel",
    "hotels",
    "flights",
    "insurance",
    "lending",
    "cards",
    "wallet",
    "crypto",
    "kyc",
    "onboarding",
]
SERVICES = [
    "gateway",
    "api",
    "worker",
    "scheduler",
    "consumer",
    "producer",
    "proxy",
    "frontend",
    "backend",
    "admin",
    "portal",
    "dashboard",
    "importer",
    "exporter",
    "indexer",
    "crawler",
    "notifier",
    "mailer",
    "reporter",
    "aggregator",
    "collector",
    "router",
    "balancer",
    "authenticator",
    "validator",
    "processor",
    "transformer",
    "loader",
    "migrator",
    "reconciler",
    "controller",
    "operator",
    "webhook",
    "sidecar",
    "agent",
    "cache",
    "store",
    "queue",
    "broker",
    "engine",
    "resolver",
    "renderer",
    "uploader",
    "downloader",
    "streamer",
    "encoder",
    "decoder",
    "matcher",
    "scorer",
    "ranker",
    "trainer",
    "predictor",
    "simulator",
    "monitor",
    "watcher",
    "sync",
    "cleaner",
    "archiver",
    "backup",
    "restore",
    "seeder",
    "bot",
    "cli",
    "console",
    "toolbox",
    "runner",
    "builder",
]
THINGS = [
    "payment",
    "order",
    "invoice",
    "refund",
    "user",
    "session",
    "token",
    "customer",
    "product",
    "price",
    "stock",
    "shipment",
    "address",
    "basket",
    "coupon",
    "review",
    "rating",
    "message",
    "email",
    "sms",
    "push",
    "event",
    "metric",
    "log",
    "trace",
    "alert",
    "report",
    "document",
    "image",
    "video",
    "file",
    "feed",
    "search",
    "query",
    "index",
    "profile",
    "account",
    "ledger",
    "balance",
    "transfer",
    "settlement",
    "statement",
    "rate",
    "tax",
    "fee",
    "risk",
    "fraud",
    "rule",
    "policy",
    "audit",
    "consent",
    "device",
    "location",
    "route",
    "trip",
    "driver",
    "partner",
    "vendor",
    "contract",
    "quote",
    "claim",
    "loan",
    "card",
    "wallet",
    "key",
    "secret",
]
LANGUAGES = ("go", "java", "python", "node", "rust", "dotnet", "php", "ruby", "scala", "kotlin")
SUFFIXES = ("service", "svc", "server", "job", "cron", "test", "dev", "base", "ui", "lib", "v2", "v3", "next", "legacy")
BASES = [
    "nginx",
    "redis",
    "postgres",
    "alpine",
    "debian",
    "ubuntu",
    "node",
    "python",
    "golang",
    "openjdk",
    "envoy",
    "kafka",
    "grafana",
    "busybox",
    "haproxy",
]
SYLLABLES = [
    "ba",
    "ka",
    "lo",
    "mi",
    "nu",
    "pe",
    "ra",
    "so",
    "ti",
    "vo",
    "ze",
    "qua",
    "bri",
    "dro",
    "fla",
    "gri",
    "kra",
    "lun",
    "mor",
    "nex",
    "pol",
    "quo",
    "ryn",
    "sil",
    "tor",
    "vex",
    "wil",
    "zan",
]
THINGS_ZH = [
    "支付",
    "订单",
    "发票",
    "退款",
    "用户",
    "会话",
    "商品",
    "价格",
    "库存",
    "物流",
    "地址",
    "购物车",
    "优惠券",
    "评价",
    "消息",
    "邮件",
    "短信",
    "日志",
    "告警",
    "报表",
    "搜索",
    "风控",
]
SERVICES_ZH = [
    "网关",
    "接口服务",
    "后台任务",
    "调度器",
    "管理后台",
    "数据同步",
    "消息队列",
    "缓存服务",
    "索引服务",
    "监控代理",
    "前端页面",
    "报表导出",
    "训练任务",
]
ENGLISH = (
    "{thing} {service} of the {team} team|Keeps {thing}s in sync|{team}: {service} for {thing} data|Runs {service}"
)
CHINESE = (
    "{thing}{service}|{thing}系统的{service}，由{team}团队维护|负责{thing}的{service}|{thing}{service}（内部使用）"
)
PLATFORMS = (("linux/amd64",), ("linux/amd64", "linux/arm64"), ("linux/amd64", "linux/arm64", "linux/arm/v7"))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Named:
    """A repository that could be anybody's; `weight` says how much goes on in it, 1 for the busiest."""

    repository: str
    description: str
    language: str
    weight: float

    @property
    def project(self) -> str:
        return self.repository.partition("/")[0] if "/" in self.repository else ""


def skewed(number: int, exponent: float = 1.0) -> list[float]:
    """Cumulative weights of a Zipf distribution, for `Random.choices`."""
    return list(accumulate(1 / (rank + 1) ** exponent for rank in range(number)))


def repositories(seed: int, count: int) -> Iterator[Named]:
    """`count` different repositories, always the same for a seed; the first ones are the busiest."""
    random = Random(seed)
    seen: set[str] = set()
    teams, things, services = skewed(len(TEAMS), 0.8), skewed(len(THINGS), 0.5), skewed(len(SERVICES), 0.6)
    while len(seen) < count:
        (team,) = random.choices(TEAMS, cum_weights=teams)
        (thing,) = random.choices(THINGS, cum_weights=things)
        (service,) = random.choices(SERVICES, cum_weights=services)
        language = random.choice(LANGUAGES)
        name = _name(random, team, thing, service, language, crowded=len(seen) > 20_000)
        if name in seen:
            name = f"{name}{random.choice('-_.')}{random.randrange(10_000)}"
        if name not in seen:
            seen.add(name)
            yield Named(name, _description(random, team, thing, service), language, 1 / len(seen) ** 0.8)


def _name(random: Random, team: str, thing: str, service: str, language: str, *, crowded: bool) -> str:
    kind = random.random()
    if kind < 0.02:
        return f"{random.choice(('mirror', 'library', 'base'))}/{random.choice(BASES)}-{random.choice(SUFFIXES)}"
    if kind < 0.03:
        return f"{thing}-{service}"
    parts = [thing, service] if kind < 0.8 else [thing, random.choice(THINGS), service]
    if crowded and kind >= 0.9:
        parts[0] = _code_name(random)
    if random.random() < (0.8 if crowded else 0.25):
        parts.append(random.choice((*SUFFIXES, language)))
    path = random.choices("-_.", weights=(90, 7, 3))[0].join(parts)
    if crowded or random.random() < 0.3:
        path = f"{random.choice(THINGS)}{random.choice(('s', '-team', '-core', ''))}/{path}"
    return f"{team}/{path}"


def _code_name(random: Random) -> str:
    """What people call a project before it is one: some ten thousand words that stand in no dictionary."""
    syllables = random.choices(SYLLABLES, k=random.choice((2, 2, 3)))
    return "".join(syllables) + random.choice(("", "", "x", "n", "ra", "is"))


def _description(random: Random, team: str, thing: str, service: str) -> str:
    kind = random.random()
    if kind < 0.3:
        return ""
    if kind < 0.65:
        return random.choice(ENGLISH.split("|")).format(team=team, thing=thing, service=service)
    zh = random.choice(THINGS_ZH), random.choice(SERVICES_ZH)
    return random.choice(CHINESE.split("|")).format(team=team, thing=zh[0], service=zh[1])


def tags(random: Random, count: int) -> list[str]:
    """`count` different tags as a repository has them: releases, their variants, dates and builds of commits."""
    found: dict[str, None] = {"latest": None} if random.random() < 0.7 else {}
    major, minor, patch = random.randrange(6), 0, 0
    prefix = random.choice(("", "", "v"))
    while len(found) < count:
        step = random.random()
        if step < 0.05:
            major, minor, patch = major + 1, 0, 0
        elif step < 0.3:
            minor, patch = minor + 1, 0
        else:
            patch += 1
        found[f"{prefix}{major}.{minor}.{patch}"] = None
        kind = random.random()
        if kind < 0.15:
            found[f"{prefix}{major}.{minor}.{patch}-{random.choice(('alpine', 'slim', 'debug', 'arm64', 'rc1'))}"] = (
                None
            )
        elif kind < 0.45:
            found[f"{random.choice(('main', 'develop', 'pr'))}-{random.getrandbits(28):07x}"] = None
        elif kind < 0.5:
            found[f"{prefix}{major}.{minor}"] = None
        elif kind < 0.55:
            found[f"{NOON - timedelta(days=random.randrange(900)):%Y%m%d}.{random.randrange(9)}"] = None
    return list(found)[:count]


def documents(seed: int, count: int) -> Iterator[Document]:
    """What the search index holds of `count` repositories of one registry."""
    random = Random(seed + 1)
    projects: dict[str, int] = {}
    for number, named in enumerate(repositories(seed, count), 1):
        pushed_at = NOON - timedelta(minutes=int(random.expovariate(1 / 200_000)))
        yield Document(
            id=number,
            registry="prod",
            repository=named.repository,
            project=named.project,
            project_id=projects.setdefault(named.project, len(projects) + 1),
            description=named.description,
            labels=(f"language={named.language}",),
            tags=tuple(tags(random, 1 + int(random.expovariate(1 / 4)))),
            platforms=random.choices(PLATFORMS, weights=(60, 35, 5))[0],
            tag_count=1 + int(random.paretovariate(1.2)),
            size_bytes=int(random.lognormvariate(18.5, 1)),
            downloads_30d=int(200_000 * named.weight * random.random()),
            pushed_at=pushed_at,
            pulled_at=pushed_at + timedelta(hours=random.randrange(72)) if random.random() < 0.8 else None,
            signed=random.random() < 0.2,
        )
