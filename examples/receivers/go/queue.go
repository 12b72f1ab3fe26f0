package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"
)

// How long a handled event is remembered; longer than its sender tries.
const remembered = 7 * 24 * time.Hour

const retryMax = time.Hour

// A line of the file: an event that came (with its body), or one that was handled (without).
type record struct {
	ID      string    `json:"id"`
	Body    []byte    `json:"body,omitempty"`
	Handled time.Time `json:"handled,omitempty"`
	// Since the program was started.
	failures int
}

// A durable queue in one file that is only appended to, and that also knows which events have come
// before. What was handled long ago is left out when the file is opened.
type eventQueue struct {
	mutex   sync.Mutex
	file    *os.File
	size    int64
	known   map[string]time.Time
	waiting []record
	arrived chan struct{}
}

func openQueue(path string) (*eventQueue, error) {
	queue := &eventQueue{known: map[string]time.Time{}, arrived: make(chan struct{}, 1)}
	if err := queue.load(path); err != nil {
		return nil, err
	}
	if err := queue.rewrite(path); err != nil {
		return nil, err
	}
	return queue, nil
}

// On the disk when this returns without an error; false when the event had come before.
func (q *eventQueue) add(id string, body []byte) (bool, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if _, isKnown := q.known[id]; isKnown {
		return false, nil
	}
	event := record{ID: id, Body: body}
	if err := q.append(event); err != nil {
		return false, err
	}
	q.known[id] = time.Time{}
	q.putLast(event)
	return true, nil
}

// Waits for an event.
func (q *eventQueue) next() record {
	for {
		q.mutex.Lock()
		if len(q.waiting) > 0 {
			event := q.waiting[0]
			q.waiting = q.waiting[1:]
			q.mutex.Unlock()
			return event
		}
		q.mutex.Unlock()
		<-q.arrived
	}
}

func (q *eventQueue) markHandled(id string) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.known[id] = time.Now()
	return q.append(record{ID: id, Handled: q.known[id]})
}

// Due again after 1 s, 2 s, 4 s … up to an hour. It is still in the file as not handled.
func (q *eventQueue) postpone(event record) {
	wait := min(time.Second<<min(event.failures, 20), retryMax)
	event.failures++
	time.AfterFunc(wait, func() {
		q.mutex.Lock()
		defer q.mutex.Unlock()
		q.putLast(event)
	})
}

func (q *eventQueue) putLast(event record) {
	q.waiting = append(q.waiting, event)
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// Takes back what was written of a line that could not be written whole.
func (q *eventQueue) append(line record) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = q.file.WriteAt(append(text, '\n'), q.size)
	if err == nil {
		err = q.file.Sync()
	}
	if err != nil {
		return errors.Join(err, q.file.Truncate(q.size))
	}
	q.size += int64(len(text)) + 1
	return nil
}

func (q *eventQueue) load(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var came []record
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4*bodyBytesMax)
	for lines.Scan() {
		var line record
		// The last line of a process that was killed may be half a line: it was never answered.
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		if line.Body != nil {
			came = append(came, line)
		}
		q.known[line.ID] = line.Handled
	}
	for _, event := range came {
		if q.known[event.ID].IsZero() {
			q.putLast(event)
		}
	}
	return lines.Err()
}

// A new file beside the old one takes its place in one step.
func (q *eventQueue) rewrite(path string) error {
	file, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	q.file = file
	for id, handled := range q.known {
		if !handled.IsZero() && time.Since(handled) > remembered {
			delete(q.known, id)
		}
	}
	writer := bufio.NewWriter(file)
	encoder := json.NewEncoder(writer)
	for id, handled := range q.known {
		if !handled.IsZero() {
			err = errors.Join(err, encoder.Encode(record{ID: id, Handled: handled}))
		}
	}
	for _, event := range q.waiting {
		err = errors.Join(err, encoder.Encode(event))
	}
	err = errors.Join(err, writer.Flush(), file.Sync(), os.Rename(path+".new", path))
	if err != nil {
		return err
	}
	status, err := file.Stat()
	if err == nil {
		q.size = status.Size()
	}
	return err
}
