# Every command here works from a clean checkout; the steps are serial, and each says when it starts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.PHONY: help setup build demo test bench lint clean

STARTED := $(shell date +%s)
say = @printf 'serin: [%4d s] %s\n' $$(($$(date +%s) - $(STARTED))) '$(1)'
with_envoy = ENVOY="$$(deploy/envoy.sh)"; export ENVOY;
# The tests hold hundreds of connections open at once, each a file here and in Envoy; many systems allow 1024 until asked.
with_files = ulimit -Sn 16384 2>/dev/null || ulimit -Sn "$$(ulimit -Hn)";
MODULES := header-router subset-picker shadow-mirror canary

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## install what is missing: the wasm32 target, Envoy
	$(call say,looking for a Rust that builds for wasm32)
	@filters/wasm-toolchain.sh >/dev/null
	$(call say,looking for Envoy)
	@deploy/envoy.sh

build: setup ## the modules, into target/filters
	$(call say,building the modules)
	@filters/build.sh
	@cd target/filters && wc -c $(MODULES:=.wasm) | sed '$$d'

demo: build ## run the canary scenarios in a real Envoy: expected and seen
	$(call say,building serin)
	@cargo build --locked -p serin
	$(call say,running examples/*/scenarios.yaml in Envoy)
	@$(with_envoy) cargo run --locked -q -p serin -- test examples/*/scenarios.yaml

test: build ## every test: native, in the test host, in a real Envoy, as wasm32 in Node
	$(call say,native tests)
	@$(with_files) $(with_envoy) cargo test --locked --workspace
	$(call say,the tests of serin-re2 and serin-traffic as wasm32)
	@filters/wasm-tests.sh
	$(call say,every test passed)

# BENCH='--only splits --rounds 5' measures less, BENCH=--docs writes docs/cost.md; nothing else should run meanwhile.
bench: build ## what Serin costs an Envoy, beside Lua, Envoy's own routes and neither: requests, starts, swaps
	$(call say,building the client)
	@cargo build --locked -p serin-bench
	$(call say,measuring for about ten minutes)
	@$(with_envoy) $(with_files) cargo run --locked -q -p serin-bench -- $(BENCH)

lint: setup ## formatting, clippy, documentation, scripts
	$(call say,formatting)
	@cargo fmt --all --check
	$(call say,clippy)
	@cargo clippy --locked --workspace $(MODULES:%=--exclude %) --all-targets -- -D warnings
	$(call say,clippy of the modules as wasm32)
	@libs="$$(rustc --print target-libdir --target wasm32-unknown-unknown)"; wasm=(--target wasm32-unknown-unknown); \
	if [[ ! -d $$libs ]]; then echo 'serin: no wasm32 target in rustup: checked natively instead'; wasm=(); fi; \
	cargo clippy --locked $(MODULES:%=-p %) "$${wasm[@]}" -- -D warnings
	$(call say,documentation)
	@RUSTDOCFLAGS=-Dwarnings cargo doc --locked --workspace --no-deps
	$(call say,scripts)
	@"$$(.ci/shellcheck.sh)" deploy/*.sh filters/*.sh .ci/run .ci/*.sh

clean: ## remove everything built
	rm -rf target
