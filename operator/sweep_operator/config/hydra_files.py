"""The files that Hydra reads have the limits of all other YAML files.

PyYAML shares what aliases repeat, but OmegaConf copies it: a file of 400 bytes can keep Hydra busy forever. Only Hydra
knows which files a configuration consists of, so its reader of files is replaced. It has no public setting for that.
"""

from __future__ import annotations

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult

from sweep_operator.config.yaml_files import check_limits


class CheckedFiles(FileConfigSource):
    """Hydra's reader of files. Raises ConfigError for a file beyond the limits."""

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(self.path) / self._normalize_file_name(config_path)
        if path.is_file():  # else Hydra says what is missing
            check_limits(path)
        return super().load_config(config_path)


def check_files() -> None:
    """From now on, check the files that Hydra reads in this process."""
    Plugins.instance()  # registers Hydra's own reader, which must not come later
    SourcesRegistry.instance().types[CheckedFiles.scheme()] = CheckedFiles
