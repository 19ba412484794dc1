package warm

import (
	_ "cloud.google.com/go/storage"
	_ "connectrpc.com/connect"
	_ "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	_ "github.com/DataDog/dd-trace-go/contrib/net/http/v2"
	_ "github.com/aws/aws-sdk-go-v2/config"
	_ "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/coder/websocket"
	_ "github.com/elastic/go-elasticsearch/v8"
	_ "github.com/go-resty/resty/v2"
	_ "github.com/google/go-github/v93/github"
	_ "github.com/hashicorp/consul/api"
	_ "github.com/hashicorp/go-retryablehttp"
	_ "github.com/hashicorp/vault/api"
	_ "github.com/minio/minio-go/v7"
	_ "github.com/moby/moby/client"
	_ "github.com/prometheus/client_golang/api/prometheus/v1"
	_ "github.com/quic-go/quic-go/http3"
	_ "github.com/stripe/stripe-go/v82"
	_ "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	_ "k8s.io/client-go/kubernetes"
)
