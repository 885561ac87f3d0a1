# Release artifacts: images, SBOM, audit and the release check.
IMAGES ?= ghcr.io/sweep-operator
IMAGE_TAG ?= $(shell scripts/version)
UVX := $(BIN)/uvx
CYCLONEDX_VERSION := 7.5.0
export IMAGES IMAGE_TAG

.PHONY: images
images: ## build the images of the operator and the trainer (DOCKER, BASE, TORCH_INDEX, IMAGES, IMAGE_TAG, BUILD_FLAGS)
	scripts/images

.PHONY: sbom
sbom: $(STAMP) ## write dist/sbom.cdx.json: every pinned dependency, including those of the tests (CycloneDX)
	@mkdir -p dist
	PYTHONWARNINGS=ignore $(UVX) --quiet --from cyclonedx-bom==$(CYCLONEDX_VERSION) cyclonedx-py requirements requirements.txt \
	  --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.cdx.json
	@$(BIN)/python -c "import json; print(len(json.load(open('dist/sbom.cdx.json'))['components']), 'components in dist/sbom.cdx.json')"

.PHONY: audit
audit: $(STAMP) ## list known vulnerabilities of the pinned dependencies (STRICT=1: fail if the audit is not possible)
	@UVX=$(UVX) scripts/audit

.PHONY: install-sizes
install-sizes: $(STAMP) ## what an installation takes on disk, per extra
	@scripts/install-sizes

.PHONY: version
version: ## print the version; with V=0.2.0 change it in every file and date the changelog
	@scripts/version $(V)

.PHONY: release-check
release-check: $(STAMP) ## check everything that a release needs: wheel, commands, chart, images, documentation
	scripts/release-check

.PHONY: test-images
test-images: $(STAMP) ## build the images and start them as Kubernetes does: read-only root, any uid (needs Docker)
	SWEEP_BUILD_IMAGES=1 $(BIN)/pytest -p no:xdist -m images tests/images
