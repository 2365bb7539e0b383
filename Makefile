.DEFAULT_GOAL := help
.PHONY: run sam-local test mutants lint build fresh examples rehearse fuzz help

run: ## serve every door and the simulator on http://127.0.0.1:3000: no AWS, no Docker, no account (ARGS="-store dynamodb ...")
	go run ./cmd/local -addr 127.0.0.1:3000 $(ARGS)
sam-local: ## all that `sam local` needs beside it: functions for this machine, a table, the simulated providers (needs Docker, Python 3)
	scripts/sam-local
test: ## run every test; installs pinned DynamoDB-compatible engines and the SAM CLI first, once
	scripts/engines go test ./...
mutants: ## take every rule about money out of the code, one at a time, and require that its test fails; make test does one in ten
	go test -timeout 30m -run 'Mutants$$' ./tests/mutants $(or $(MUTANTS),-mutants)
lint: ## gofmt, go vet, staticcheck, cfn-lint, sam validate, payment window types (needs Python 3 and Node)
	scripts/lint
build: ## sam build, then check what came out: arm64, small, nothing beside the program (needs Python 3)
	scripts/build
fresh: ## edit shared/ in a copy and look for the edit in what sam build, --cached and sam sync make (needs Python 3)
	scripts/fresh
examples: ## run the example shops in Node, Python, Java and Go, with signed requests (needs Node, Python 3, Java 17)
	scripts/examples
rehearse: ## sam deploy to an emulated account on this machine, pay through the deployed API, update, delete (needs Python 3)
	scripts/rehearse
fuzz: ## run every fuzz target for FUZZTIME (10s)
	scripts/fuzz
help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

# What `sam build` and `sam sync` run for each function of template.yaml (BuildMethod: makefile): build-ConfirmFunction builds functions/confirm.
# The flags are here and nowhere else. GOFLAGS replaces what your own environment has in it, so that everybody builds the same program.
# lambda.norpc leaves out the RPC server that only the retired go1.x runtime needed. -s leaves out symbols; stack traces stay.
# Inlining stays on: without it (-gcflags=all=-l) the programs are 0.4 MB smaller, and a cold start takes 20.5 ms of a processor instead of 16.0
# (scripts/coldpath 31, medians),
# most of it in crypto. What pays for it is that nothing looks up methods by name (shared/web/markup.go).
LAMBDA_GOFLAGS := -tags=lambda.norpc -trimpath -buildvcs=false -ldflags=-s
# arm64, as in template.yaml. Another one is for `sam local` on this machine alone: scripts/sam-local.
LAMBDA_GOARCH ?= arm64
build-%Function:
	$(if $(ARTIFACTS_DIR),,$(error sam build runs this and sets ARTIFACTS_DIR))
	$(if $(filter arm64,$(LAMBDA_GOARCH)),,$(if $(findstring /.aws-sam/local/,$(ARTIFACTS_DIR)),,$(error \
	LAMBDA_GOARCH=$(LAMBDA_GOARCH) is for sam local, and sam deploy would upload it to arm64 functions: add --build-dir .aws-sam/local)))
	CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) GOFLAGS='$(LAMBDA_GOFLAGS)' \
		go build -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(shell echo $* | tr A-Z a-z)
