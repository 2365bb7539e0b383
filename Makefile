.DEFAULT_GOAL := help
.PHONY: run test mutants lint build fuzz help

run: ## serve every door and the simulator on http://127.0.0.1:3000: no AWS, no Docker, no account (ARGS="-store dynamodb ...")
	go run ./cmd/local -addr 127.0.0.1:3000 $(ARGS)
test: ## run every test; installs pinned DynamoDB-compatible engines and the SAM CLI first, once
	scripts/engines go test ./...
mutants: ## take every rule about money out of the code, one at a time, and require that its test fails; make test does one in three
	go test -timeout 30m -run 'Mutants$$' . -mutants
lint: ## gofmt, go vet, staticcheck, cfn-lint, sam validate, payment window types (needs Python 3 and Node)
	scripts/lint
build: ## sam build for Lambda arm64, then check the size of each zip (needs Python 3)
	scripts/build
fuzz: ## run every fuzz target for FUZZTIME (10s)
	scripts/fuzz
help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-7s %s\n", $$1, $$2}' Makefile
