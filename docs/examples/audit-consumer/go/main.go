// Command audit-consumer reads sealed records from the stream AUDIT, each once and in order, and tells when some are missing.
//
//	NATS_URL=nats://127.0.0.1:7422 NATS_PASSWORD_FILE=… go run .
//
// CONSUMER names the cursor, which the server keeps; START is where a new one begins: all, new, a sequence, or a time (RFC 3339).
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	durable   = cmp.Or(os.Getenv("CONSUMER"), "example-go")
	stateFile = cmp.Or(os.Getenv("STATE_FILE"), durable+".json")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	seen := map[string]uint64{}
	if text, err := os.ReadFile(stateFile); err == nil {
		if err := json.Unmarshal(text, &seen); err != nil {
			return err
		}
	}
	password, err := os.ReadFile(os.Getenv("NATS_PASSWORD_FILE"))
	if err != nil {
		return err
	}
	nc, err := nats.Connect(
		cmp.Or(os.Getenv("NATS_URL"), "nats://127.0.0.1:7422"),
		nats.UserInfo("audit-reader", strings.TrimSpace(string(password))),
		nats.CustomInboxPrefix("_INBOX_audit-reader"),
		nats.MaxReconnects(-1),
	)
	if err != nil {
		return err
	}
	defer nc.Drain()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, "AUDIT", durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		config, badStart := cursor(cmp.Or(os.Getenv("START"), "all"))
		if badStart != nil {
			return badStart
		}
		consumer, err = js.CreateConsumer(ctx, "AUDIT", config)
	}
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		message, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := handle(message.Data(), seen); err != nil {
			return err
		}
		if err := message.Ack(); err != nil {
			return err
		}
	}
}

// cursor describes a new one. A message that was not acknowledged comes again before the next one: only then does a higher index mean
// that none was left out.
func cursor(start string) (jetstream.ConsumerConfig, error) {
	config := jetstream.ConsumerConfig{
		Durable:       durable,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       5 * time.Second,
		MaxAckPending: 1,
	}
	switch start {
	case "all":
		config.DeliverPolicy = jetstream.DeliverAllPolicy
		return config, nil
	case "new":
		config.DeliverPolicy = jetstream.DeliverNewPolicy
		return config, nil
	}
	if sequence, err := strconv.ParseUint(start, 10, 64); err == nil {
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, sequence
		return config, nil
	}
	at, err := time.Parse(time.RFC3339, start)
	config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &at
	return config, err
}

func handle(data []byte, seen map[string]uint64) error {
	var sealed struct {
		Index  uint64
		Record struct{ Tenant, Event string }
	}
	if err := json.Unmarshal(data, &sealed); err != nil {
		return err
	}
	index, tenant := sealed.Index, sealed.Record.Tenant
	if last, known := seen[tenant]; known {
		if index <= last {
			return nil
		}
		if index > last+1 {
			fmt.Fprintf(os.Stderr, "gap: %s %d-%d are not in the stream; read them from the log\n", tenant, last+1, index-1)
		}
	}
	// Your work goes here.
	fmt.Printf("{\"id\":\"audit.%s.%d\",\"event\":%q}\n", tenant, index, sealed.Record.Event)
	// Keep this where the results go, in one transaction with them.
	seen[tenant] = index
	text, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	if err := os.WriteFile(stateFile+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(stateFile+".new", stateFile)
}
