"""From a twin to a recommendation, to configuration files, to a verdict."""
