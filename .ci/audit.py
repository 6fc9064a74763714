"""Says what pip-audit's report holds; the exit status is 1 where a locked package is vulnerable.

    python .ci/audit.py REPORT.json

pip-audit itself says "no known vulnerabilities" of packages that it could not look up. And a report
that was not written means that its service could not be reached: neither is held against the lock.
"""

import json
import sys
from pathlib import Path


def main(report: Path) -> int:
    """Print what was found."""
    if not report.is_file():
        print("Known vulnerabilities of the locks: skipped, the service cannot be reached.")
        return 0
    packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        print("Known vulnerabilities of the locks: skipped, the service knows none of them.")
        return 0
    vulnerable = [package for package in known if package["vulns"]]
    for package in vulnerable:
        for each in package["vulns"]:
            cure = " or ".join(each["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {each['id']}, cured in {cure}")
    print(
        f"Known vulnerabilities of the locks: {len(vulnerable)} of {len(known)} packages have any; "
        f"{len(packages) - len(known)} could not be looked up."
    )
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
