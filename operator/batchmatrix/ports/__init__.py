"""What the engine needs of the world, as protocols. Adapters fill them; fakes must pass the same contract tests."""
