# The page is committed, so that building needs Go only.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=docker
RUN mkdir /data
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /tandem ./cmd/tandem

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /tandem /tandem
# A container without Redis keeps messages in ./data of its working directory.
COPY --from=build --chown=nonroot:nonroot --chmod=700 /data /data
WORKDIR /
VOLUME /data
EXPOSE 5000
# All networks: a container's own loopback is of no use to anybody.
ENV TANDEM_LISTEN=0.0.0.0
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["/tandem", "health"]
USER nonroot
ENTRYPOINT ["/tandem"]
CMD ["serve"]
