"""
From what the user has to examples.

REQUIRED INPUTS: the files that the configuration names; none for a simulated dataset.

OUTPUTS: {results}/config.yaml, {results}/genomes/{genome}/, {results}/{dataset}/examples.parquet, sequences.parquet,
sequences.bin and dropped.tsv, leaks.parquet and shortcuts.tsv; for simulated datasets {results}/{dataset}/simulation/.

COMMANDS: motifloom config, simulate, pack, prepare, audit.
"""


localrules:
    config,


rule config:
    """Write the configuration as it is used, defaults filled in."""
    output:
        f"{RESULTS}/config.yaml",
    log:
        f"{RESULTS}/logs/config.log",
    benchmark:
        f"{RESULTS}/benchmarks/config.tsv"
    threads: 1
    resources:
        mem="500MB",
        runtime="5m",
    params:
        settings=lambda wildcards: CONFIG.model_dump_json(),
    shell:
        "motifloom config --json {params.settings:q} --output {output:q} --log {log:q}"


rule simulate:
    """Make a genome with planted motifs, its regions and the truth."""
    output:
        fasta=f"{RESULTS}/{{dataset}}/simulation/genome.fa",
        regions=f"{RESULTS}/{{dataset}}/simulation/regions.bed",
        negatives=f"{RESULTS}/{{dataset}}/simulation/negatives.bed",
        sites=f"{RESULTS}/{{dataset}}/simulation/sites.tsv",
    log:
        f"{RESULTS}/logs/simulate/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/simulate/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(map(re.escape, CONFIG.simulated())) or "$^",
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{attempt}GB",
        runtime="10m",
    params:
        config=settings,
        folder=subpath(output.fasta, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("simulate", wildcards.dataset),
    shell:
        "motifloom simulate"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --output {params.folder:q}"
        " --log {log:q}"


rule pack:
    """Pack a genome to one byte a base, once for all datasets that use it."""
    input:
        fasta=lambda wildcards: GENOMES[wildcards.genome],
    output:
        codes=f"{RESULTS}/genomes/{{genome}}/codes.bin",
        contigs=f"{RESULTS}/genomes/{{genome}}/contigs.tsv",
    log:
        f"{RESULTS}/logs/pack/{{genome}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pack/{{genome}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        folder=subpath(output.codes, parent=True),
        sizes=lambda wildcards: sizes([GENOMES[wildcards.genome]]),
    shell:
        "motifloom pack --fasta {input.fasta:q} --output {params.folder:q} --log {log:q}"


rule prepare:
    """Turn a dataset's source into examples: sequences with labels and splits."""
    input:
        genome=genome_files,
        files=lambda wildcards: CONFIG.source_files(wildcards.dataset),
    output:
        examples=f"{RESULTS}/{{dataset}}/examples.parquet",
        sequences=f"{RESULTS}/{{dataset}}/sequences.parquet",
        bases=f"{RESULTS}/{{dataset}}/sequences.bin",
        dropped=f"{RESULTS}/{{dataset}}/dropped.tsv",
    log:
        f"{RESULTS}/logs/prepare/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{attempt}h",
    params:
        config=settings,
        genome=genome_folder,
        folder=subpath(output.examples, parent=True),
        sizes=lambda wildcards: sizes(CONFIG.source_files(wildcards.dataset)),
        rerun_on=lambda wildcards: CONFIG.settings_of("prepare", wildcards.dataset),
    shell:
        "motifloom prepare"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --genome {params.genome:q}"
        " --output {params.folder:q}"
        " --log {log:q}"


rule audit:
    """Look for leaks between the splits, and for shortcuts to the labels."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
    output:
        leaks=f"{RESULTS}/{{dataset}}/leaks.parquet",
        shortcuts=f"{RESULTS}/{{dataset}}/shortcuts.tsv",
    log:
        f"{RESULTS}/logs/audit/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{attempt}h",
    params:
        config=settings,
        rerun_on=lambda wildcards: CONFIG.kind(wildcards.dataset),
    shell:
        "motifloom audit"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --examples {input.examples:q}"
        " --leaks {output.leaks:q}"
        " --shortcuts {output.shortcuts:q}"
        " --log {log:q}"
