package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// marker takes back the tokens of changes that journals know of, many with one
// statement, behind what people wait for. What it does not get done, because the
// node dies, is found out by mending.
type marker struct {
	s    *Store
	jobs chan markJob
	halt chan struct{} // closed by stop
}

type markJob struct {
	id    any
	token bson.ObjectID
	place *placeDoc // where the content is told, if that is what changed
}

const (
	maxMarks = 256 // with one statement
	// retryMarks is when marks that failed are tried again.
	retryMarks = 500 * time.Millisecond
)

func newMarker(s *Store) *marker {
	return &marker{s: s, jobs: make(chan markJob, 4096), halt: make(chan struct{})}
}

// put hands in a job. If there are too many, it is left to mending.
func (m *marker) put(j markJob) {
	select {
	case m.jobs <- j:
	default:
	}
}

// stop has run return when what was put before is done.
func (m *marker) stop() { close(m.halt) }

func (m *marker) run() {
	for {
		select {
		case j := <-m.jobs:
			m.do(m.gather(j))
		case <-m.halt:
			for {
				select {
				case j := <-m.jobs:
					m.do(m.gather(j))
				default:
					return
				}
			}
		}
	}
}

func (m *marker) gather(first markJob) []markJob {
	list := []markJob{first}
	for len(list) < maxMarks {
		select {
		case j := <-m.jobs:
			list = append(list, j)
		default:
			return list
		}
	}
	return list
}

// do tries until it is done, or the store closes.
func (m *marker) do(list []markJob) {
	models := make([]driver.WriteModel, 0, len(list))
	for _, j := range list {
		update := bson.D{{Key: "$pull", Value: bson.D{{Key: "tandem.open", Value: j.token}}}}
		if j.place != nil {
			update = append(update, bson.E{Key: "$set", Value: bson.D{{Key: "tandem.at", Value: *j.place}}})
		}
		models = append(models, driver.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: j.id}}).SetUpdate(update))
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), m.s.cfg.Timeout)
		_, err := m.s.messages.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		cancel()
		if err == nil {
			return
		}
		m.s.log.Debug("messages could not be marked as told yet", "n", len(list), "error", err)
		select {
		case <-m.halt:
			return
		case <-time.After(retryMarks):
		}
	}
}
