# A kind cluster on this machine. It needs Docker. The project's images are built here and loaded, not pulled.
KIND_CLUSTER ?= sweep
KIND_CONTEXT := kind-$(KIND_CLUSTER)
KIND_NAMESPACE ?= sweeps
# KIND_IMAGE: another node image (another Kubernetes version, a mirror of Docker Hub). KIND_CONFIG: another cluster.
KIND_IMAGE ?=
KIND_CONFIG ?= deploy/kind/cluster.yaml
TOOL = $(BIN)/python -m tests.cluster.tools
KIND = "$$($(TOOL) kind)"
HELM = "$$($(TOOL) helm)"
KUBECTL = "$$($(TOOL) kubectl)" --context $(KIND_CONTEXT)
SWEEP = $(BIN)/kubectl-sweep --context $(KIND_CONTEXT) -n $(KIND_NAMESPACE)
GPUS := {"status": {"capacity": {"nvidia.com/gpu": "4"}, "allocatable": {"nvidia.com/gpu": "4"}}}

.PHONY: kind-up
kind-up: $(STAMP) ## create a kind cluster with a node that is labeled and tainted as a GPU node (needs Docker)
	@docker info >/dev/null 2>&1 || { echo "kind runs its nodes in Docker, but no Docker engine is running"; exit 1; }
	$(KIND) create cluster --name $(KIND_CLUSTER) --config $(KIND_CONFIG) $(if $(KIND_IMAGE),--image $(KIND_IMAGE)) --wait 180s
	@# --wait covers the control plane only
	$(KUBECTL) wait nodes --all --for=condition=Ready --timeout=180s
	$(KUBECTL) get nodes -l cloud.google.com/gke-accelerator -o name | while read -r node; do \
	  $(KUBECTL) patch "$$node" --subresource=status --type=merge -p '$(GPUS)'; done
	$(KUBECTL) get nodes -L cloud.google.com/gke-accelerator

.PHONY: kind-load
# Docker's containerd image store saves attestations by reference, and kind's import does not find them (kind#3795).
kind-load: export BUILDX_NO_DEFAULT_ATTESTATIONS := 1
kind-load: images ## build the images and load them into the nodes
	@# each loaded node stores a copy, so skip nodes that cannot run these pods
	nodes=$$($(KUBECTL) get nodes --no-headers -o 'custom-columns=:.metadata.name,:.spec.taints[*].key' \
	  | sed -E '/node-role.kubernetes.io\/control-plane/d; s/ .*//' | paste -sd, -) && \
	$(KIND) load docker-image --name $(KIND_CLUSTER) --nodes "$$nodes" \
	  $(IMAGES)/operator:$(IMAGE_TAG) $(IMAGES)/trainer:$(IMAGE_TAG)

.PHONY: kind-demo
kind-demo: $(STAMP) ## install the chart in the kind cluster, run the example and a sweep on the GPU node, show the results
	$(HELM) upgrade --install sweep-operator charts/sweep-operator --kube-context $(KIND_CONTEXT) \
	  --namespace sweep-operator --create-namespace --values deploy/kind/values.yaml \
	  --set image.repository=$(IMAGES)/operator --set-string image.tag=$(IMAGE_TAG) --wait --timeout 5m
	$(KUBECTL) create namespace $(KIND_NAMESPACE) --dry-run=client -o yaml | $(KUBECTL) apply -f -
	sed 's|ghcr.io/sweep-operator/trainer:[^ ]*|$(IMAGES)/trainer:$(IMAGE_TAG)|' configs/examples/cartpole.yaml deploy/kind/on-gpu-node.yaml \
	  | $(KUBECTL) apply -n $(KIND_NAMESPACE) -f -
	$(SWEEP) status on-gpu-node -w
	$(KUBECTL) get pods -n $(KIND_NAMESPACE) -l metta.ai/sweep=on-gpu-node -o wide
	$(SWEEP) status cartpole -w
	$(SWEEP) best-params cartpole
	$(SWEEP) report cartpole
	$(SWEEP) status

.PHONY: kind-down
kind-down: $(STAMP) ## delete the kind cluster
	$(KIND) delete cluster --name $(KIND_CLUSTER)
