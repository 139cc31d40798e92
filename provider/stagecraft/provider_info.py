"""What Airflow reads to discover the package. Imports nothing."""

from __future__ import annotations

from typing import Any

INTEGRATION = "Stagecraft"
MODULES = {
    "operators": [
        "bentoml_deploy",
        "bentoml_kubernetes",
        "bentoml_promote",
        "bentoml_roll_back",
        "bentoml_unload",
        "compare_online",
        "connected_components",
        "drift",
        "encode",
        "evaluate",
        "export_model",
        "gbdt_encode",
        "gbdt_import",
        "gbdt_train",
        "information_value",
        "isolation_forest",
        "k_fold_split",
        "onnx_import",
        "page_rank",
        "point_in_time_join",
        "predict",
        "profile",
        "ps_train",
        "random_split",
        "ray_tune_sweep",
        "sample",
        "spark_als",
        "spark_cluster",
        "spark_predict",
        "spark_train",
        "sparse_rows",
        "sql",
        "stage_group",
        "stratified_sample",
        "time_split",
    ],
    "sensors": ["deployment", "drift", "model_version"],
    "hooks": ["kubernetes", "ray", "serving", "spark", "store"],
    "triggers": ["deployment", "job", "status"],
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's provider schema."""
    return {
        "package-name": "airflow-provider-stagecraft",
        "name": INTEGRATION,
        "description": "Machine learning stages for Apache Airflow.",
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://airflow.apache.org/docs/apache-airflow-providers/",
                "tags": ["service"],
            }
        ],
        **{
            part: [
                {
                    "integration-name": INTEGRATION,
                    "python-modules": [f"stagecraft.{part}.{name}" for name in names],
                }
            ]
            for part, names in MODULES.items()
        },
        "connection-types": [
            {
                "connection-type": "stagecraft_spark",
                "hook-class-name": "stagecraft.hooks.spark.SparkHook",
                "hook-name": "Stagecraft Spark",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "password", "port"],
                    "relabeling": {"host": "Master"},
                    "placeholders": {"host": "local[2], spark://host:7077, yarn, k8s://https://host:6443"},
                },
                "conn-fields": {
                    "conf": {
                        "label": "Spark settings",
                        "description": 'A JSON object, as {"spark.executor.memory": "2g"}',
                        "schema": {"type": ["string", "null"]},
                    },
                    "queue": {"label": "YARN queue", "schema": {"type": ["string", "null"]}},
                    "namespace": {"label": "Kubernetes namespace", "schema": {"type": ["string", "null"]}},
                },
            },
            {
                "connection-type": "stagecraft_store",
                "hook-class-name": "stagecraft.hooks.store.StoreHook",
                "hook-name": "Stagecraft artifact store",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "host": "Root (folder or URI)",
                        "login": "Access key",
                        "password": "Secret key",
                    },
                    "placeholders": {"host": "s3://bucket/folder"},
                },
                "conn-fields": {
                    "endpoint_url": {
                        "label": "Endpoint URL",
                        "description": "Of an S3-compatible store that is not Amazon's. "
                        "Further options of fsspec's file system go into Extra.",
                        "schema": {"type": ["string", "null"]},
                    }
                },
            },
            {
                "connection-type": "stagecraft_ray",
                "hook-class-name": "stagecraft.hooks.ray.RayHook",
                "hook-name": "Stagecraft Ray",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port", "login"],
                    "relabeling": {"host": "Dashboard address", "password": "Token"},
                    "placeholders": {"host": "http://head:8265"},
                },
                "conn-fields": {
                    "verify": {
                        "label": "Check certificates",
                        "description": "Whether the certificate of an https address is checked.",
                        "schema": {"type": "boolean", "default": True},
                    }
                },
            },
            {
                "connection-type": "stagecraft_kubernetes",
                "hook-class-name": "stagecraft.hooks.kubernetes.KubernetesJobHook",
                "hook-name": "Stagecraft Kubernetes",
                "ui-field-behaviour": {"hidden-fields": ["host", "schema", "login", "password", "port"]},
                "conn-fields": {
                    "in_cluster": {
                        "label": "From inside the cluster",
                        "schema": {"type": ["boolean", "null"]},
                    },
                    "kube_config_path": {"label": "Kube config path", "schema": {"type": ["string", "null"]}},
                    "kube_config": {
                        "label": "Kube config (JSON)",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "cluster_context": {"label": "Context", "schema": {"type": ["string", "null"]}},
                    "namespace": {"label": "Namespace", "schema": {"type": ["string", "null"]}},
                    "image": {
                        "label": "Image of the pods",
                        "description": "It holds Stagecraft; docker/Dockerfile makes one.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "cpu": {"label": "Cores of a pod", "schema": {"type": ["integer", "null"]}},
                    "memory": {
                        "label": "Memory of a pod",
                        "description": "As 8Gi",
                        "schema": {"type": ["string", "null"]},
                    },
                    "secret": {
                        "label": "Secret with the store's credentials",
                        "description": "Its keys become environment variables of the pods. "
                        "Further fields go into Extra.",
                        "schema": {"type": ["string", "null"]},
                    },
                },
            },
            {
                "connection-type": "stagecraft_serving",
                "hook-class-name": "stagecraft.hooks.serving.ServingHook",
                "hook-name": "Stagecraft prediction service",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "extra"],
                    "relabeling": {"schema": "Protocol (http or https)", "password": "Management token"},
                    "placeholders": {"host": "127.0.0.1", "port": "3000", "schema": "http"},
                },
            },
        ],
    }
