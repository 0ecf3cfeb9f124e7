"""The explorer's modules as one script, for what cannot load them one by one: a file, a notebook."""

import re
from importlib import resources
from pathlib import Path

import plotly

MODULES = Path(__file__).parent / "js"
PLOTLY = Path(str(resources.files(plotly) / "package_data" / "plotly.min.js"))
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (default )?((?:async )?function|class|const|let) (\w+)", re.MULTILINE)


def bundle(name: str) -> str:
    """One ES module that is js/{name}.js with all that it imports; its default export is that one's.

    Each module becomes a function that runs once and gives what it exports, so that their own names stay apart. The
    modules import by name only, and not in circles.
    """
    modules = dict[str, str]()
    _add(name, modules)
    return "\n".join([*modules.values(), f"export default ${name}.default;\n"])


def _add(name: str, modules: dict[str, str]) -> None:
    if name in modules:
        return
    text = (MODULES / f"{name}.js").read_text(encoding="utf-8")
    for _, needed in IMPORT.findall(text):
        _add(needed, modules)
    exported = [f"default: {each}" if default else each for default, _, each in EXPORT.findall(text)]
    text = IMPORT.sub(lambda match: f"const {{{match[1].replace(' as ', ': ')}}} = ${match[2]};", text)
    text = EXPORT.sub(r"\2 \3", text)
    modules[name] = f"const ${name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"
