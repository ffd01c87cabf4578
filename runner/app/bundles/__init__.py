"""Evidence bundles: the record of an incident for one audience, which others verify without Tocsin."""
