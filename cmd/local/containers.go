package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"tosspay-sam/sim/awssim"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// secrets are those that events/env.json names, with the simulators' keys.
var secrets = map[string]string{
	"tosspay-local": `{"secretKey":"` + tosssim.DefaultSecretKey + `"}`,
	"portone-local": `{"impKey":"` + portonesim.DefaultImpKey + `","impSecret":"` + portonesim.DefaultImpSecret + `"}`,
	"webhook-local": `{"current":"` + strings.TrimPrefix(world.MerchantSecret, "whsec_") + `"}`,
}

// containers is all that the containers of `sam local` can reach: the simulated providers' API, the table's engine, the simulators' keys, and
// what takes their events. The private routes and the controls are not among it, because other containers of this machine reach it, too.
func containers(world http.Handler, engine *url.URL, told http.Handler) http.Handler {
	table := oneByOne(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(engine) }})
	mux := http.NewServeMux()
	for _, provider := range []string{"/sim/toss/", "/sim/portone/"} {
		mux.Handle(provider, world)
		mux.HandleFunc("HEAD "+provider+"{$}", func(http.ResponseWriter, *http.Request) {}) // a function warms its connection with it
	}
	mux.Handle("POST "+shopPath, told)
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case strings.HasPrefix(service, "DynamoDB_"):
			table.ServeHTTP(w, r)
		case service == "secretsmanager" && operation == "GetSecretValue":
			getSecretValue(w, r)
		case awssim.Is(r):
			told.ServeHTTP(w, r)
		default:
			awsError(w, "UnknownOperationException", "only DynamoDB, GetSecretValue, EventBridge and SQS are here")
		}
	})
	return mux
}

// oneByOne makes a conditional write atomic, which DynamoDB promises and moto does not keep: see enginetest. A container that gives up does not
// stop what the engine is doing, and the next request waits for that, too.
func oneByOne(engine http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		engine.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	})
}

func getSecretValue(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in)
	text, known := secrets[in.SecretId]
	if err != nil || !known {
		awsError(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]string{ // a write error means the function is gone
		"ARN": in.SecretId, "Name": in.SecretId, "SecretString": text, "VersionId": "00000000-0000-4000-8000-000000000001",
	})
}

func awsError(w http.ResponseWriter, kind, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "Message": message})
}

// containersAddr reads host:port. Simulators belong on no network but this machine's own: loopback, which Docker Desktop's containers reach,
// or the bridge of Docker on Linux, whose name stands for its address.
func containersAddr(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("-containers %q: must be host:port, such as 127.0.0.1:3011", text)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return text, nil
	}
	all, _ := net.Interfaces() // none, then none matches
	for _, i := range all {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			own, ok := a.(*net.IPNet)
			if ok && own.IP.To4() != nil && isBridge(i.Name) && (host == i.Name || host == own.IP.String()) {
				return net.JoinHostPort(own.IP.String(), port), nil
			}
		}
	}
	return "", fmt.Errorf("-containers %q: must be 127.0.0.1:PORT, or with Docker on Linux its bridge, such as docker0:PORT", text)
}

func isBridge(name string) bool {
	return strings.HasPrefix(name, "docker") || strings.HasPrefix(name, "br-") || strings.HasPrefix(name, "podman")
}
