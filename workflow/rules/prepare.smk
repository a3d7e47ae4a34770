"""
From what the user has to examples.

REQUIRED INPUTS: a FASTA file and a BED file of regions for every dataset, unless it is simulated.

OUTPUTS: {results}/config.yaml, {results}/genomes/{genome}/, {results}/{dataset}/examples.parquet and dropped.tsv;
for simulated datasets {results}/{dataset}/simulation/.

COMMANDS: motifloom config, simulate, pack, prepare.
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
        settings=CONFIG.model_dump_json(),
    shell:
        "motifloom config --json {params.settings:q} --output {output:q} --log {log:q}"


rule simulate:
    """Make a genome with planted motifs, its regions and the truth."""
    output:
        fasta=f"{RESULTS}/{{dataset}}/simulation/genome.fa",
        regions=f"{RESULTS}/{{dataset}}/simulation/regions.bed",
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
    shell:
        "motifloom pack --fasta {input.fasta:q} --output {params.folder:q} --log {log:q}"


rule prepare:
    """Centre windows on the regions, sample negatives, and give every window its split."""
    input:
        genome=lambda wildcards: f"{CONFIG.packed_genome(wildcards.dataset)}/codes.bin",
        contigs=lambda wildcards: f"{CONFIG.packed_genome(wildcards.dataset)}/contigs.tsv",
        regions=lambda wildcards: CONFIG.region_files(wildcards.dataset),
    output:
        examples=f"{RESULTS}/{{dataset}}/examples.parquet",
        dropped=f"{RESULTS}/{{dataset}}/dropped.tsv",
    log:
        f"{RESULTS}/logs/prepare/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        genome=subpath(input.genome, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("prepare", wildcards.dataset),
    shell:
        "motifloom prepare"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --genome {params.genome:q}"
        " --examples {output.examples:q}"
        " --dropped {output.dropped:q}"
        " --log {log:q}"
