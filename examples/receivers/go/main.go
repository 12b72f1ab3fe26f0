// Verifies, puts the event on the disk, answers, and works it off afterwards: see README.md.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const bodyBytesMax = 1 << 20

type receiver struct {
	secrets []string
	queue   *eventQueue
}

func main() {
	secrets := strings.Fields(os.Getenv("WEBHOOK_SECRET"))
	if len(secrets) == 0 {
		log.Fatal("WEBHOOK_SECRET is not set.")
	}
	queue, err := openQueue(setting("QUEUE_FILE", "events.log"))
	if err != nil {
		log.Fatal(err)
	}
	receiver := &receiver{secrets: secrets, queue: queue}
	http.HandleFunc("/webhooks", receiver.receive(isStandard))
	http.HandleFunc("/webhooks/documented", receiver.receive(isDocumented))
	if os.Getenv("WORKER") != "off" {
		go receiver.work()
	}

	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.Serve(listener))
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

type verifier func(body []byte, headers http.Header, secrets []string) bool

func (r *receiver) receive(isGenuine verifier) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost {
			http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, bodyBytesMax))
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, "Body too large", http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			http.Error(w, "Body broken off", http.StatusBadRequest)
			return
		}
		if !isGenuine(body, request.Header, r.secrets) {
			note("refused", map[string]any{"path": request.URL.Path})
			http.Error(w, "Invalid signature", http.StatusUnauthorized)
			return
		}
		w.WriteHeader(r.enqueue(body))
	}
}

type event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Only what is stored is answered 200; the sender keeps all else and comes again.
func (r *receiver) enqueue(body []byte) int {
	var parsed event
	if err := json.Unmarshal(body, &parsed); err != nil || parsed.ID == "" {
		return http.StatusBadRequest
	}
	isNew, err := r.queue.add(parsed.ID, body)
	switch {
	case err != nil:
		note("queue failed", map[string]any{"event_id": parsed.ID, "error": err.Error()})
		return http.StatusServiceUnavailable
	case isNew:
		note("queued", map[string]any{"event_id": parsed.ID})
	default:
		note("duplicate", map[string]any{"event_id": parsed.ID})
	}
	return http.StatusOK
}

func (r *receiver) work() {
	for {
		next := r.queue.next()
		err := handle(next.Body)
		if err == nil {
			err = r.queue.markHandled(next.ID)
		}
		if err != nil {
			note("failed", map[string]any{"event_id": next.ID, "error": err.Error()})
			r.queue.postpone(next)
			continue
		}
		note("done", map[string]any{"event_id": next.ID})
	}
}

// Yours to write. It may run twice when the process dies at its end: let its effect repeat.
func handle(body []byte) error {
	var parsed event
	if err := json.Unmarshal(body, &parsed); err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	note("handled", map[string]any{
		"event_id": parsed.ID, "event_type": parsed.Type,
		"bytes": len(body), "sha256": hex.EncodeToString(digest[:]),
	})
	return nil
}

// One JSON line for each thing that happened; never a secret, a signature or the event's data.
func note(message string, fields map[string]any) {
	fields["at"], fields["message"] = time.Now().UTC(), message
	json.NewEncoder(os.Stdout).Encode(fields)
}
