"""`regdex db`: the migrations of a database."""

from regdex import database
from regdex.database import Pool


async def migration_states(db: Pool) -> list[tuple[str, str]]:
    """Return name and state of each migration that this release or the database knows."""
    have = await database.applied(db)
    known = {migration.version: migration for migration in database.migrations()}
    states = []
    for version in sorted(have.keys() | known.keys()):
        migration = known.get(version)
        name = f"{version:04d}_{migration.name}" if migration else f"{version:04d}"
        if migration is None:
            states.append((name, "from a newer release"))
        elif version not in have:
            states.append((name, "missing"))
        else:
            states.append(
                (name, "applied" if have[version] == migration.checksum else "applied with different content")
            )
    return states


async def upgrade(db: Pool) -> list[str]:
    return [f"{migration.version:04d}_{migration.name} applied" for migration in await database.upgrade(db)]
