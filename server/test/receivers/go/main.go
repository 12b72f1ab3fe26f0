// A webhook receiver on net/http that verifies as the documentation shows it.
//
//	WEBHOOK_SECRET  what the sender signs with
//	FAIL_FIRST      how many genuine requests are answered with 500 before the first 200
//
// It prints where it listens. GET /verdicts tells what it made of each request, in their order.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

type verdict struct {
	Genuine bool    `json:"genuine"`
	Attempt string  `json:"attempt"`
	Bytes   int     `json:"bytes"`
	SHA256  string  `json:"sha256"`
	EventID *string `json:"event_id"`
}

type receiver struct {
	secret    []byte
	failFirst int

	mutex    sync.Mutex
	genuine  int
	verdicts []verdict
}

func main() {
	failFirst, err := strconv.Atoi(os.Getenv("FAIL_FIRST"))
	if err != nil {
		log.Fatal("FAIL_FIRST: ", err)
	}
	receiver := &receiver{
		secret:    []byte(os.Getenv("WEBHOOK_SECRET")),
		failFirst: failFirst,
		verdicts:  []verdict{},
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/webhooks", receiver.receive)
	routes.HandleFunc("/verdicts", receiver.tell)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, routes))
}

func (r *receiver) receive(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	genuine := isGenuine(body, request.Header.Get("X-Webhook-Signature"), r.secret)
	failing := r.note(request.Header.Get("X-Webhook-Attempt"), body, genuine)
	switch {
	case !genuine:
		http.Error(w, "Invalid signature", http.StatusUnauthorized)
	case failing:
		http.Error(w, "Not yet", http.StatusInternalServerError)
	default:
		io.WriteString(w, "OK")
	}
}

func isGenuine(body []byte, signature string, secret []byte) bool {
	code := hmac.New(sha256.New, secret)
	code.Write(body)
	expected := fmt.Sprintf("sha256=%x", code.Sum(nil))
	return hmac.Equal([]byte(expected), []byte(signature))
}

// Keeps the verdict and says whether the request is among the first, which fail.
func (r *receiver) note(attempt string, body []byte, genuine bool) (failing bool) {
	digest := sha256.Sum256(body)
	noted := verdict{
		Genuine: genuine,
		Attempt: attempt,
		Bytes:   len(body),
		SHA256:  hex.EncodeToString(digest[:]),
	}
	// Nothing is read from a body that anyone may have sent.
	if genuine {
		noted.EventID = eventID(body)
	}

	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.verdicts = append(r.verdicts, noted)
	if genuine {
		r.genuine++
	}
	return r.genuine <= r.failFirst
}

func eventID(body []byte) *string {
	var event struct {
		ID *string `json:"id"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil
	}
	return event.ID
}

func (r *receiver) tell(w http.ResponseWriter, _ *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(r.verdicts)
}
