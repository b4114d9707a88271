# The recipes are thin: what CI runs is in .ci/run, step by step.

# Everything that CI checks
check:
    .ci/run

# The tests alone
test *args:
    cargo test --workspace {{ args }}

# Writes the sources in the house format
fmt:
    cargo fmt --all

# Format, clippy, documentation and dependencies
lint:
    .ci/run fmt clippy doc deny

# Writes openapi/*.json anew from the services
openapi:
    tests/openapi.sh --write

# Builds and runs docker-compose.yml, kills containers, and verifies that nothing is lost
compose:
    tests/compose/run.sh

# Kills ingest-svc with SIGKILL under load, again and again, and verifies that nothing is lost or there twice
torture rounds="20":
    SENTINEL_TORTURE_ROUNDS={{ rounds }} cargo test -p e2e-tests --test e2e crash:: -- --nocapture

# Measures this machine, with the settings of a published build
bench *args:
    cargo bench -p e2e-tests --bench ingest {{ args }}
