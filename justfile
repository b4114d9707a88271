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

# Holds every answer of both services against their OpenAPI documents, with random requests (needs Python)
schemathesis:
    tests/schemathesis/run.sh

# Sends with log shippers and client libraries, and looks for everything that they sent (needs Python, and apt for some)
shippers *names:
    tests/shippers/run.sh {{ names }}

# Builds and runs docker-compose.yml, kills containers, and verifies that nothing is lost
compose:
    tests/compose/run.sh

# Kills and stops services under load, and lets every k-th write and sync fail: nothing may be lost or there twice
torture rounds="67" stops="50" soak="120":
    SENTINEL_TORTURE_ROUNDS={{ rounds }} cargo test -p e2e-tests --test e2e crash:: -- --nocapture
    SENTINEL_TORTURE_ROUNDS={{ stops }} cargo test -p e2e-tests --test e2e shutdown:: -- --nocapture
    SENTINEL_SOAK_SECONDS={{ soak }} cargo test -p e2e-tests --test e2e two_writers:: -- --nocapture
    SENTINEL_FAULTS_STRIDE=1 cargo test -p e2e-tests --test faults -- --nocapture

# Cuts the power at every acknowledgement and after every sync, and looks at so many disks
power-cut images="10000":
    SENTINEL_POWER_CUT_IMAGES={{ images }} cargo test -p e2e-tests --test faults power_cut:: -- --nocapture

# Slow, idle, huge and half-sent requests against the services, with the full numbers
abuse:
    SENTINEL_ABUSE=full cargo test -p e2e-tests --test abuse -- --nocapture

# Measures what the services cost on this machine: --logs 10000000, --set loghub, --skip-rows
bench *args:
    cargo build --release -p ingest-svc -p query-svc -p sentinel-cli
    "${CARGO_TARGET_DIR:-target}/release/sentinel" bench engine {{ args }}

# Fuzzes every decoder for so many seconds each (needs cargo-fuzz, and a C++ compiler)
fuzz seconds="60":
    fuzz/run.sh {{ seconds }}
